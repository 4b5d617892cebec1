// Applications that answer oddly, early, slowly, or not at all.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <functional>
#include <string>

#include "tests/fake/text.h"
#include "tests/fetch/fixture.h"

namespace starling::fetch {
namespace {

using fake::repeat;

// Sends one byte in each tick of the loop.
class Dripping {
public:
    explicit Dripping(net::Loop& loop, std::string text) : loop_(loop), text_(std::move(text)) {}
    void on(App& app) {
        app.on_call([this, &app](net::Stream& stream, const App::Call& call) {
            ::setsockopt(stream.fd(), IPPROTO_TCP, TCP_NODELAY, &on_, sizeof on_);
            drip(app, call.connection, 0);
        });
    }

private:
    void drip(App& app, int connection, size_t at) {
        net::Stream* const stream = app.stream(connection);
        if (at == text_.size() || !stream) return;
        App::say(*stream, text_.substr(at, 1));
        loop_.after(0, [this, &app, connection, at] { drip(app, connection, at + 1); });
    }
    const int on_ = 1;
    net::Loop& loop_;
    const std::string text_;
};

class HostileFetch : public FetchTest {};

TEST_P(HostileFetch, AnswersInSingleBytes) {
    App app(loop_);
    const std::string chunks =
        "HTTP/1.1 200 OK\r\nContent-Type: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nab\r\n1;x\r\nc\r\n0\r\nB: 1\r\n\r\n";
    for (const std::string& answer :
         {"HTTP/1.1 100 Continue\r\n\r\n" + ok("abc", "Content-Type: a\r\n"), chunks}) {
        Dripping dripping(loop_, answer);
        dripping.on(app);
        Target& target = fetcher_->add({.url = app.url(), .timeout_ms = 60'000});
        const Result result = fetch(target);
        EXPECT_EQ(result.status, 200) << result.error;
        EXPECT_EQ(result.body, "abc");
        EXPECT_EQ(result.content_type, "a");
        EXPECT_FALSE(result.cut);
    }
    EXPECT_EQ(app.connections, 1);
}

TEST_P(HostileFetch, AHundredInterimAnswers) {
    App app(loop_);
    app.answer(repeat("HTTP/1.1 102 Processing\r\n\r\n", 100) + ok("abc"));
    Target& target = fetcher_->add({.url = app.url()});
    for (int i = 0; i < 2; ++i) EXPECT_EQ(fetch(target).body, "abc");
    EXPECT_EQ(app.connections, 1);
}

TEST_P(HostileFetch, AHeaderFieldOf17Kb) {
    App app(loop_);
    app.answer(ok("abc", "A: " + std::string(17'000, 'x') + "\r\nContent-Type: a\r\n"));
    const Result result = fetch({.url = app.url()});
    EXPECT_EQ(result.body, "abc");
    EXPECT_EQ(result.content_type, "a");
    EXPECT_TRUE(fetch({.url = app.url(), .header_bytes_max = 16'384}).cut);
}

TEST_P(HostileFetch, ABodyOfChunksWithoutEndIsCut) {
    App app(loop_);
    app.on_call([&](net::Stream& stream, const App::Call&) {
        App::say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (int i = 0; i < 100; ++i)
            App::say(stream, "3e8\r\n" + std::string(1'000, 'x') + "\r\n");
    });
    const Result result = fetch({.url = app.url()});
    EXPECT_EQ(result.status, 200);
    EXPECT_TRUE(result.cut);
    EXPECT_TRUE(fake::run_until(loop_, [&] { return !app.stream(1); }));
}

// The application sends its answer and nothing after it, but goes on reading.
TEST_P(HostileFetch, TheApplicationEndsItsSideAfterItsAnswer) {
    App app(loop_);
    app.on_call([](net::Stream& stream, const App::Call&) {
        App::say(stream, ok("abc"));
        stream.send_queued();
        ::shutdown(stream.fd(), SHUT_WR);
    });
    Target& target = fetcher_->add({.url = app.url()});
    for (int i = 1; i <= 3; ++i) {
        EXPECT_EQ(fetch(target).body, "abc");
        fake::run_ticks(loop_, 5);
        EXPECT_EQ(app.connections, i);
    }
    app.on_call([](net::Stream& stream, const App::Call&) { ::shutdown(stream.fd(), SHUT_WR); });
    const Result result = fetch(target);
    EXPECT_EQ(result.status, 0);
    EXPECT_TRUE(result.sent);
    EXPECT_EQ(result.error, "the connection was closed before an answer came");
}

// On a connection that was used before: the answer counts, and the request is not repeated.
TEST_P(HostileFetch, AnAnswerBeforeTheWholeBodyOnAReusedConnection) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url(), .timeout_ms = 60'000});
    ASSERT_EQ(fetch(target).status, 200);
    app.on_part([](net::Stream& stream, size_t) {
        App::say(stream, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
        stream.close();
    });
    const Result result = fetch(target, std::string(12'000'000, 'x'));
    EXPECT_EQ(result.status, 413) << result.error;
    EXPECT_EQ(app.connections, 1);
    app.on_part(nullptr);
    EXPECT_EQ(fetch(target).status, 200);
    EXPECT_EQ(app.connections, 2);
}

// The next request must not be sent behind a body that was never finished.
TEST_P(HostileFetch, AnEarlyAnswerThatKeepsTheConnection) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url(), .timeout_ms = 60'000});
    app.on_part([](net::Stream& stream, size_t) {
        App::say(stream, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
        stream.pause_receiving();
    });
    EXPECT_EQ(fetch(target, std::string(50'000'000, 'x')).status, 413);
    app.on_part(nullptr);
    app.on_call(
        [](net::Stream& stream, const App::Call& call) { App::say(stream, ok(call.body)); });
    EXPECT_EQ(fetch(target, "next").body, "next");
    EXPECT_EQ(app.connections, 2);
    EXPECT_EQ(app.calls.size(), 1u);
}

TEST_P(HostileFetch, ConnectionsAreKeptAsTheAnswerSays) {
    struct Case {
        const char* head;
        int connections;
    };
    App app(loop_);
    for (const Case& c :
         {Case{"HTTP/1.1 200 OK\r\nConnection: close\r\n", 2}, Case{"HTTP/1.0 200 OK\r\n", 2},
          Case{"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", 1}}) {
        SCOPED_TRACE(c.head);
        app.answer(std::string(c.head) + "Content-Length: 1\r\n\r\na");
        const int before = app.connections;
        Target& target = fetcher_->add({.url = app.url()});
        fake::run_ticks(loop_, 5);
        EXPECT_EQ(fetch(target).body, "a");
        EXPECT_EQ(fetch(target).body, "a");
        EXPECT_EQ(app.connections - before, c.connections);
    }
}

INSTANTIATE_BOTH_SENDERS(HostileFetch);

}  // namespace
}  // namespace starling::fetch
