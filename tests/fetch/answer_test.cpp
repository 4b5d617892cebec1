// Answers that are long, odd, or without end: which part is read, and at which size they are cut.
#include <gtest/gtest.h>

#include <string>

#include "base/shared_bytes.h"
#include "tests/fake/text.h"
#include "tests/fetch/fixture.h"

namespace starling::fetch {
namespace {

using fake::repeat;

struct Case {
    const char* name;
    std::string answer;
    bool close;  // The application ends the connection behind it.
    int status;
    bool cut;
    std::string body, error = {};
};

const std::string head = "HTTP/1.1 200 OK\r\n";
const Case cases[] = {
    {"no body", "HTTP/1.1 204 No Content\r\n\r\n", false, 204, false, ""},
    {"to the end of the connection", "HTTP/1.0 200 OK\r\n\r\nabc", true, 200, false, "abc"},
    {"chunks and trailers",
     head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nContent-Type: x\r\n\r\n",
     false, 200, false, "abc"},
    {"early hints", "HTTP/1.1 103 Early Hints\r\nContent-Type: y\r\n\r\n" + ok("abc"), false, 200,
     false, "abc"},
    {"a body of the length that is allowed", ok(std::string(65'536, 'x')), false, 200, false,
     std::string(65'536, 'x')},
    {"a body that is one byte longer", ok(std::string(65'537, 'x')), false, 200, true, "?"},
    {"600 header fields", head + repeat("A: 1\r\n", 600) + "Content-Length: 1\r\n\r\na", false, 200,
     false, "a"},
    {"1,000 long header fields",
     "HTTP/1.1 503 No\r\n" + repeat("A: " + std::string(80, 'x') + "\r\n", 1'000) + "\r\n", false,
     503, true, "?"},
    {"a header field of 300 KB", head + "A: " + std::string(300'000, 'x') + "\r\n\r\n", false, 200,
     true, "?"},
    {"a header field of 300 KB without an end", head + "A: " + std::string(300'000, 'x'), false,
     200, true, "?"},
    {"trailers without an end",
     head + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + repeat("A: 1\r\n", 20'000), false, 200,
     true, "?"},
    {"1xx without an end", repeat("HTTP/1.1 102 Processing\r\n\r\n", 5'000), false, 0, true, "",
     "the head of the answer is longer than allowed"},
    {"half a body", head + "Content-Length: 10\r\n\r\nabcd", true, 200, true, "?"},
    {"half a chunk", head + "Transfer-Encoding: chunked\r\n\r\na\r\nabc", true, 200, true, "?"},
    {"a chunk without a length", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc", false, 200,
     true, "?"},
    {"half a head", head + "Content-Le", true, 0, false, "", "the answer ended within its head"},
    {"half a status line", "HTTP/1.1 20", true, 0, false, "",
     "the connection was closed before an answer came"},
    {"nothing", "", true, 0, false, "", "the connection was closed before an answer came"},
    {"another protocol", "SSH-2.0-OpenSSH_9.2p1\r\n\r\n", true, 0, false, "",
     "the answer is not HTTP"},
    {"bytes", std::string(100, '\0') + "\xff\n\n", true, 0, false, "", "the answer is not HTTP"},
};

TEST_P(FetchTest, Answers) {
    App app(loop_);
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        app.on_call([&](net::Stream& stream, const App::Call&) {
            App::say(stream, c.answer);
            if (c.close) stream.close();
        });
        const Result result = fetch({.url = app.url(), .timeout_ms = 20'000});
        EXPECT_EQ(result.status, c.status);
        EXPECT_TRUE(result.sent);
        EXPECT_EQ(result.cut, c.cut);
        if (c.body != "?") {
            EXPECT_EQ(result.body, c.body);
        }
        EXPECT_EQ(result.error, c.error);
        EXPECT_EQ(result.content_type, "");
    }
    EXPECT_EQ(app.calls.size(), std::size(cases));
}

TEST_P(FetchTest, ABodyOf100MbEndsItsConnection) {
    App app(loop_);
    const std::string text(1'000'000, 'x');
    const auto piece = base::SharedBytes::copy(base::bytes_of(text));
    app.on_call([&](net::Stream& stream, const App::Call&) {
        App::say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        for (int i = 0; i < 100; ++i) stream.write(piece);
    });
    const Result result = fetch({.url = app.url()});
    EXPECT_EQ(result.status, 200);
    EXPECT_TRUE(result.cut);
    EXPECT_EQ(result.error, "");
    EXPECT_TRUE(fake::run_until(loop_, [&] { return !app.stream(1); }));
}

TEST_P(FetchTest, ABodyThatNeverEndsIsCutInTime) {
    App app(loop_);
    app.answer("HTTP/1.1 202 Accepted\r\n\r\nsome of it");
    const Result result = fetch({.url = app.url(), .timeout_ms = 1'000});
    EXPECT_EQ(result.status, 202);
    EXPECT_TRUE(result.cut);
    EXPECT_TRUE(result.sent);
    EXPECT_EQ(result.error, "");
    EXPECT_TRUE(fake::run_until(loop_, [&] { return !app.stream(1); }));
}

// Bytes behind an answer must not become the answer to the next request.
TEST_P(FetchTest, ASecondAnswerIsNobodys) {
    App app(loop_);
    app.answer(ok("first") + ok("second"));
    Target& target = fetcher_->add({.url = app.url()});
    EXPECT_EQ(fetch(target).body, "first");
    app.answer(ok("third"));
    EXPECT_EQ(fetch(target).body, "third");
    EXPECT_EQ(app.connections, 2);
}

TEST_P(FetchTest, WhatComesWhileNothingIsAskedIsNobodys) {
    const std::string strays[] = {
        ok("stray"),
        "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        std::string(1'000'000, 'x')};
    App app(loop_);
    app.answer(ok("own"));
    Target& target = fetcher_->add({.url = app.url()});
    for (const std::string& stray : strays) {
        for (const bool close : {false, true}) {
            EXPECT_EQ(fetch(target).body, "own");
            net::Stream& stream = *app.stream(app.connections);
            App::say(stream, stray);
            if (close) stream.close();
            fake::run_ticks(loop_, 5);
            const Result result = fetch(target);
            EXPECT_EQ(result.body, "own") << result.error;
            EXPECT_EQ(result.status, 200);
        }
    }
    EXPECT_EQ(app.connections, 7);
}

TEST_P(FetchTest, TheLimitsAreTheTargets) {
    App app(loop_);
    app.answer(ok("abcd"));
    const size_t head_bytes = ok().size();
    EXPECT_TRUE(fetch({.url = app.url(), .body_bytes_max = 3}).cut);
    EXPECT_FALSE(fetch({.url = app.url(), .body_bytes_max = 4}).cut);
    EXPECT_TRUE(fetch({.url = app.url(), .header_bytes_max = head_bytes - 1}).cut);
    EXPECT_FALSE(fetch({.url = app.url(), .header_bytes_max = head_bytes}).cut);
}

}  // namespace
}  // namespace starling::fetch
