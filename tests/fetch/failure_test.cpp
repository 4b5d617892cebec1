// Requests that get no answer: what is said of them, and whether the application may have seen them.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/fetch/fixture.h"

namespace starling::fetch {
namespace {

constexpr auto silence = [](net::Stream&, const App::Call&) {};

#define EXPECT_FAILURE(result, sent_, error_) \
    do {                                      \
        const Result& r = (result);           \
        EXPECT_EQ(r.status, 0);               \
        EXPECT_EQ(r.sent, sent_);             \
        EXPECT_FALSE(r.cut);                  \
        EXPECT_EQ(r.error, error_);           \
    } while (false)

TEST_P(FetchTest, Refused) {
    App app(loop_);
    app.stop_listening();
    EXPECT_FAILURE(fetch({.url = app.url()}), false, "connection refused");
    EXPECT_FAILURE(fetch({.url = "http://localhost:" + std::to_string(app.port()) + "/"}), false,
                   "connection refused");
}

TEST_P(FetchTest, NoUnixDomainSocket) {
    EXPECT_FAILURE(fetch({.url = "http://app/", .unix_socket = "/no/such/socket"}), false,
                   "no such Unix-domain socket");
}

// A label of more than 63 bytes: no server has to be asked.
TEST_P(FetchTest, NoSuchName) {
    EXPECT_FAILURE(fetch({.url = "http://" + std::string(64, 'a') + ".invalid/",
                          .connect_timeout_ms = 60'000,
                          .timeout_ms = 60'000}),
                   false, "the name of the host is not found");
}

TEST_P(FetchTest, NobodyTakesTheConnection) {
    const FullQueue queue("127.0.0.1:0");
    EXPECT_FAILURE(fetch({.url = queue.url(), .connect_timeout_ms = 50, .timeout_ms = 60'000}),
                   false, "no connection within 50 ms");
}

TEST_P(FetchTest, NoAnswerInTime) {
    App app(loop_);
    app.on_call(silence);
    EXPECT_FAILURE(fetch({.url = app.url(), .timeout_ms = 1'000}), true,
                   "no answer within 1000 ms");
}

TEST_P(FetchTest, HalfAHeadInTime) {
    App app(loop_);
    app.answer("HTTP/1.1 200 OK\r\nContent-");
    EXPECT_FAILURE(fetch({.url = app.url(), .timeout_ms = 1'000}), true,
                   "no answer within 1000 ms");
}

TEST_P(FetchTest, TheConnectionEndsInPlaceOfAnAnswer) {
    App app(loop_);
    for (const auto how : {net::Stream::Close::flush, net::Stream::Close::reset}) {
        app.on_call([&](net::Stream& stream, const App::Call&) { stream.close(how); });
        EXPECT_FAILURE(fetch({.url = app.url()}), true,
                       "the connection was closed before an answer came");
    }
    EXPECT_EQ(app.calls.size(), 2u);
}

// The kernel took the connection and the request before the application closed it.
TEST_P(FetchTest, TheConnectionEndsAtOnce) {
    App app(loop_);
    for (const auto how : {net::Stream::Close::flush, net::Stream::Close::reset}) {
        app.on_connection([&](net::Stream& stream) { stream.close(how); });
        EXPECT_FAILURE(fetch({.url = app.url()}), true,
                       "the connection was closed before an answer came");
    }
    EXPECT_EQ(app.connections, 2);
}

TEST_P(FetchTest, TheConnectionEndsBeforeTheWholeBody) {
    App app(loop_);
    app.on_part([](net::Stream& stream, size_t) { stream.close(net::Stream::Close::reset); });
    EXPECT_FAILURE(fetch({.url = app.url()}, std::string(50'000'000, 'x')), false,
                   "the connection was closed before the request was sent");
    EXPECT_EQ(app.connections, 1);
    EXPECT_TRUE(app.calls.empty());
}

TEST_P(FetchTest, AnAnswerBeforeTheWholeBody) {
    App app(loop_);
    app.on_part([](net::Stream& stream, size_t) {
        App::say(stream,
                 "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        stream.close();
    });
    const Result result = fetch({.url = app.url()}, std::string(50'000'000, 'x'));
    EXPECT_EQ(result.status, 413) << result.error;
    EXPECT_TRUE(result.sent);
}

TEST_P(FetchTest, AConnectionThatTheApplicationClosedIsReplaced) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    EXPECT_EQ(fetch(target).status, 200);
    app.stream(1)->close();
    ASSERT_TRUE(fake::run_until(loop_, [&] { return app.stream(1)->queued_bytes() == 0; }));
    fake::run_ticks(loop_, 5);
    EXPECT_EQ(fetch(target).status, 200);
    EXPECT_EQ(app.connections, 2);
}

// At that moment the application may have seen it: it is never repeated without a word.
TEST_P(FetchTest, AReusedConnectionThatEndsInPlaceOfAnAnswerIsReported) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    for (const auto how : {net::Stream::Close::flush, net::Stream::Close::reset}) {
        app.answer(ok());
        EXPECT_EQ(fetch(target).status, 200);
        app.on_call([&](net::Stream& stream, const App::Call&) { stream.close(how); });
        EXPECT_FAILURE(fetch(target), true, "the connection was closed before an answer came");
    }
    EXPECT_EQ(app.calls.size(), 4u);
    EXPECT_EQ(app.connections, 2);
}

// Nor is the request repeated on another idle connection, which libcurl would take.
TEST_P(FetchTest, AnotherIdleConnectionDoesNotRepeatIt) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    for (uint64_t i = 0; i < 5; ++i) fetcher_->post(target, i, "", "{}");
    ASSERT_TRUE(run_until_results(5));
    ASSERT_EQ(app.connections, 5);
    app.on_call([](net::Stream& stream, const App::Call&) { stream.close(); });
    EXPECT_FAILURE(fetch(target), true, "the connection was closed before an answer came");
    EXPECT_EQ(app.calls.size(), 6u);
    EXPECT_EQ(app.connections, 5);
}

// The application refuses new connections meanwhile: what is said is of the request that was sent.
TEST_P(FetchTest, AReusedConnectionEndsAndTheApplicationIsGone) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    EXPECT_EQ(fetch(target).status, 200);
    app.stop_listening();
    app.on_call([](net::Stream& stream, const App::Call&) { stream.close(); });
    EXPECT_FAILURE(fetch(target), true, "the connection was closed before an answer came");
    EXPECT_FAILURE(fetch(target), false, "connection refused");
}

// The application cannot have seen the whole request, so the request is sent again, on a new connection.
TEST_P(FetchTest, AReusedConnectionThatEndsBeforeTheWholeBodyIsReplaced) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url(), .timeout_ms = 60'000});
    EXPECT_EQ(fetch(target).status, 200);
    bool once = false;
    app.on_part([&](net::Stream& stream, size_t) {
        if (!std::exchange(once, true)) stream.close(net::Stream::Close::reset);
    });
    const std::string body(12'000'000, 'x');
    const Result result = fetch(target, body);
    EXPECT_EQ(result.status, 200) << result.error;
    EXPECT_EQ(app.connections, 2);
    ASSERT_EQ(app.calls.size(), 2u);
    EXPECT_TRUE(app.calls[1].body == body);
}

}  // namespace
}  // namespace starling::fetch
