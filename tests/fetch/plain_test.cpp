// The plain sender alone: which requests it takes, how long it keeps connections and the addresses of
// names, and which answers it refuses.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "tests/fetch/fixture.h"
#include "tests/fetch/slow_names.h"

namespace starling::fetch {
namespace {

class PlainFetch : public FetchBase {
protected:
    // Whether the plain sender takes the next request.
    bool is_plain(Target& target) {
        const uint64_t before = fetcher_->sent_plainly();
        EXPECT_EQ(fetch(target).status, 200);
        return fetcher_->sent_plainly() > before;
    }
    bool is_plain(const TargetOptions& options) { return is_plain(fetcher_->add(options)); }
    void pass(uint64_t ms) {
        ahead_ms_ += ms;
        loop_.run_once(0);
    }
    [[nodiscard]] static std::string at(std::string_view host, const App& app) {
        return "http://" + std::string(host) + ":" + std::to_string(app.port()) + "/hook";
    }
};

TEST_F(PlainFetch, WhichRequestsItTakes) {
    const fake::TemporaryDirectory directory;
    App app(loop_), local(loop_, "unix:" + directory.file("app.sock"));
    for (const char* host : {"127.0.0.1", "localhost", "LOCALHOST", "app.localhost", "localhost."})
        EXPECT_TRUE(is_plain({.url = at(host, app)})) << host;
    EXPECT_TRUE(
        is_plain({.url = "http://app.example/", .unix_socket = directory.file("app.sock")}));
    EXPECT_FALSE(is_plain({.url = at("me:secret@127.0.0.1", app)}));
}

TEST_F(PlainFetch, AProxyIsLeftToLibcurl) {
    App app(loop_);
    ::setenv("all_proxy", app.url("").c_str(), 1);
    EXPECT_FALSE(is_plain({.url = "http://192.0.2.1/hook"}));
    EXPECT_TRUE(is_plain({.url = app.url()}));
    ::unsetenv("all_proxy");
}

// Targets of one application share its connections; those of others do not.
TEST_F(PlainFetch, APoolForEachApplication) {
    App app(loop_), other(loop_);
    Target& first = fetcher_->add({.url = app.url("/1")});
    Target& second = fetcher_->add({.url = app.url("/2"), .body_bytes_max = 3});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(fetch(first).status, 200);
        EXPECT_EQ(fetch(second).status, 200);
    }
    EXPECT_EQ(app.connections, 1);
    app.answer(ok("abcd"));
    EXPECT_TRUE(fetch(second).cut);
    EXPECT_FALSE(fetch(first).cut);
    EXPECT_EQ(fetch({.url = other.url()}).status, 200);
    EXPECT_EQ(other.connections, 1);
}

TEST_F(PlainFetch, AConnectionRestsFor4Seconds) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    ASSERT_EQ(fetch(target).status, 200);
    pass(3'000);
    ASSERT_EQ(fetch(target).status, 200);
    EXPECT_EQ(app.connections, 1);
    pass(4'000);
    EXPECT_TRUE(fake::run_until(loop_, [&] { return !app.stream(1); }));
    EXPECT_EQ(fetch(target).status, 200);
    EXPECT_EQ(app.connections, 2);
    // The request comes before the timer that closes the connection.
    ahead_ms_ += 4'000;
    loop_.post([&] { fetcher_->post(target, 9, "", "{}"); });
    ASSERT_TRUE(run_until_results(4));
    EXPECT_EQ(results_.back().status, 200);
    EXPECT_EQ(app.connections, 3);
}

// The application has closed the connection, and the loop has not heard of it before the next request.
TEST_F(PlainFetch, AnEndThatTheLoopHasNotHeardOf) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    ASSERT_EQ(fetch(target).status, 200);
    pass(10);
    ::shutdown(app.stream(1)->fd(), SHUT_RDWR);
    EXPECT_EQ(fetch(target).status, 200);
    EXPECT_EQ(app.connections, 2);
    EXPECT_EQ(app.calls.size(), 2u);
}

TEST_F(PlainFetch, TimeoutsOfManyRequestsAtOnce) {
    App app(loop_);
    app.on_call([](net::Stream&, const App::Call&) {});
    Target& target = fetcher_->add({.url = app.url(), .timeout_ms = 60'000});
    for (uint64_t i = 0; i < 50; ++i) fetcher_->post(target, i, "", "{}");
    ASSERT_TRUE(fake::run_until(loop_, [&] { return app.calls.size() == 50; }));
    // The receiver throws, and posts: neither keeps the others waiting.
    std::vector<std::string> told;
    loop_.on_escaped([&](std::string_view what) { told.emplace_back(what); });
    then_ = [&](const Result& result) {
        if (result.tag < 50) fetcher_->post(target, result.tag + 100, "", "{}");
        throw std::runtime_error("no");
    };
    ahead_ms_ += 60'000;
    ASSERT_TRUE(run_until_results(50));
    EXPECT_EQ(told.size(), 50u);
    EXPECT_EQ(fetcher_->in_flight(), 50u);
    for (const Result& result : results_) EXPECT_EQ(result.error, "no answer within 60000 ms");
    EXPECT_TRUE(fake::run_until(loop_, [&] { return app.calls.size() == 100; }));
}

// A receiver that posts again at once to an application that is gone does not stop the loop.
TEST_F(PlainFetch, FailuresWithoutEndLeaveTheLoopItsTurns) {
    Target& target = fetcher_->add({.url = "http://app/", .unix_socket = "/no/such/socket"});
    then_ = [&](const Result& result) { fetcher_->post(target, result.tag + 1, "", "{}"); };
    fetcher_->post(target, 1, "", "{}");
    bool due = false;
    loop_.after(20, [&] { due = true; });
    ASSERT_TRUE(fake::run_until(loop_, [&] { return due; }));
    EXPECT_GT(results_.size(), 0u);
}

// ---- names ----------------------------------------------------------------------------------------

TEST_F(PlainFetch, ANameIsKnownFor5SecondsOnceLibcurlHasReachedIt) {
    App app(loop_);
    SlowNames names;
    names.release();
    Target& target = fetcher_->add({.url = at("slow.example", app), .timeout_ms = 60'000});
    EXPECT_FALSE(is_plain(target));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_plain(target));
    // Another target of the same name and port; not one of another port.
    EXPECT_TRUE(is_plain({.url = at("SLOW.example", app), .timeout_ms = 60'000}));
    App other(loop_);
    EXPECT_FALSE(is_plain({.url = at("slow.example", other), .timeout_ms = 60'000}));
    pass(5'000);
    EXPECT_FALSE(is_plain(target));
    EXPECT_TRUE(is_plain(target));
}

// One request asks; the others go on with the address that is known.
TEST_F(PlainFetch, OneRequestAsksAgain) {
    App app(loop_);
    SlowNames names;
    names.release();
    Target& target = fetcher_->add({.url = at("slow.example", app), .timeout_ms = 60'000});
    ASSERT_EQ(fetch(target).status, 200);
    pass(5'000);
    results_.clear();
    for (uint64_t i = 0; i < 10; ++i) fetcher_->post(target, i, "", "{}");
    EXPECT_EQ(fetcher_->sent_plainly(), 9u);
    ASSERT_TRUE(run_until_results(10));
    for (const Result& result : results_) EXPECT_EQ(result.status, 200) << result.error;
}

// The address does not answer any more, and another one of the name does.
TEST_F(PlainFetch, ANameWhoseAddressIsGoneIsAskedForAgain) {
    const uint16_t port = fake::port_of_two();
    std::optional<App> first(std::in_place, loop_, "127.0.0.2:" + std::to_string(port));
    Target& target = fetcher_->add(
        {.url = "http://two.example:" + std::to_string(port) + "/", .timeout_ms = 60'000});
    EXPECT_FALSE(is_plain(target));
    EXPECT_TRUE(is_plain(target));
    App second(loop_, "127.0.0.1:" + std::to_string(port));
    first->stop_listening();
    for (int i = 1; i <= first->connections; ++i)
        if (net::Stream* const stream = first->stream(i)) stream->close();
    fake::run_ticks(loop_, 5);
    const Result result = fetch(target, "again", "A: 1\nB:\n");
    EXPECT_EQ(result.status, 200) << result.error;
    ASSERT_EQ(second.calls.size(), 1u);
    EXPECT_EQ(second.calls[0].body, "again");
    EXPECT_NE(second.calls[0].head.find("A: 1\r\nB:\r\n"), std::string::npos);
    EXPECT_TRUE(is_plain(target));
    EXPECT_EQ(second.calls.size(), 2u);
}

// ---- answers that are refused ---------------------------------------------------------------------

TEST_F(PlainFetch, AnswersThatCouldBeReadInTwoWays) {
    struct Case {
        std::string answer;
        std::string_view error;
    };
    const std::string head = "HTTP/1.1 200 OK\r\n";
    const Case cases[] = {
        {head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "the answer is malformed: Content-Length with Transfer-Encoding"},
        {head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
         "the answer is malformed: several lengths"},
        {head + "Content-Length : 1\r\n\r\na", "the answer is malformed: space before the colon"},
        {head + "A: 1\r\n b\r\n\r\n", "the answer is malformed: folded header field"},
        {head + "A: 1\rB: 2\r\n\r\n", "the answer is malformed: CR without LF"},
        {"HTTP/1.1 200 OK\nContent-Length: 1\n\na", "the answer is not HTTP"},
        {"HTTP/2 200\r\n\r\n", "the answer is not HTTP"},
    };
    App app(loop_);
    for (const Case& c : cases) {
        app.answer(c.answer);
        const Result result = fetch({.url = app.url(), .timeout_ms = 60'000});
        EXPECT_EQ(result.status, 0);
        EXPECT_TRUE(result.sent);
        EXPECT_EQ(result.error, c.error);
    }
    EXPECT_EQ(app.connections, int(std::size(cases)));
}

}  // namespace
}  // namespace starling::fetch
