// Connections: proxies of the environment, descriptors of child processes, idle connections.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include "tests/fetch/fixture.h"

namespace starling::fetch {
namespace {

class ProxyFetch : public FetchTest {
protected:
    ProxyFetch() { ::setenv("http_proxy", proxy_.url("").c_str(), 1); }
    ~ProxyFetch() override { ::unsetenv("http_proxy"); }

    App proxy_{loop_};
};

TEST_P(ProxyFetch, OfTheEnvironment) {
    proxy_.answer(ok("by the proxy"));
    const Result result = fetch({.url = "http://app.example/hook"});
    EXPECT_EQ(result.body, "by the proxy") << result.error;
    ASSERT_EQ(proxy_.calls.size(), 1u);
    EXPECT_TRUE(proxy_.calls[0].head.starts_with("POST http://app.example/hook HTTP/1.1\r\n"));
}

TEST_P(ProxyFetch, NotForThisMachine) {
    const fake::TemporaryDirectory directory;
    App app(loop_), local(loop_, "unix:" + directory.file("app.sock"));
    const std::string port = ":" + std::to_string(app.port());
    for (const std::string host : {"127.0.0.1", "localhost", "LOCALHOST"})
        EXPECT_EQ(fetch({.url = "http://" + host + port + "/"}).status, 200) << host;
    EXPECT_EQ(
        fetch({.url = "http://app.example/", .unix_socket = directory.file("app.sock")}).status,
        200);
    EXPECT_EQ(app.calls.size(), 3u);
    EXPECT_EQ(local.calls.size(), 1u);
    EXPECT_TRUE(proxy_.calls.empty());
}

std::set<int> descriptors() {
    std::set<int> open;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        open.insert(std::stoi(entry.path().filename()));
    std::erase_if(open, [](int fd) { return ::fcntl(fd, F_GETFD) < 0; });  // The iterator's own.
    return open;
}

TEST_P(FetchTest, ConnectionsAreNotPassedToChildProcesses) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    const std::set<int> before = descriptors();
    ASSERT_EQ(fetch(target).status, 200);
    int added = 0;
    for (const int fd : descriptors()) {
        if (before.contains(fd)) continue;
        EXPECT_TRUE(::fcntl(fd, F_GETFD) & FD_CLOEXEC) << fd;
        ++added;
    }
    // Both ends, and the duplicate of libcurl's socket that the loop watches.
    EXPECT_EQ(added, GetParam() == Senders::libcurl ? 3 : 2);
}

TEST_P(FetchTest, ClosedConnectionsAreGivenBack) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    ASSERT_EQ(fetch(target).status, 200);
    const size_t before = descriptors().size();
    for (int i = 1; i <= 20; ++i) {
        app.stream(i)->close(net::Stream::Close::reset);
        fake::run_ticks(loop_, 5);
        const Result result = fetch(target);
        ASSERT_EQ(result.status, 200) << result.error << i;
    }
    EXPECT_EQ(app.connections, 21);
    EXPECT_EQ(descriptors().size(), before);
}

// libcurl reads it no more, and it is readable for ever: the loop must not turn for it without end.
TEST_P(FetchTest, AnIdleConnectionThatEndedIsReportedOnce) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    ASSERT_EQ(fetch(target).status, 200);
    app.stream(1)->close();
    fake::run_ticks(loop_, 5);
    bool due = false;
    loop_.after(40, [&] { due = true; });
    int ticks = 0;
    while (!due) {
        loop_.run_once(1'000);
        ++ticks;
    }
    EXPECT_LE(ticks, 5);
}

INSTANTIATE_BOTH_SENDERS(ProxyFetch);

}  // namespace
}  // namespace starling::fetch
