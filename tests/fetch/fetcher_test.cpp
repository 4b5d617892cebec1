// Requests and answers over HTTP/1.1.
#include "fetch/fetcher.h"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>

#include "tests/fetch/fixture.h"

namespace starling::fetch {
namespace {

TEST_P(FetchTest, ARequestAndItsAnswer) {
    App app(loop_);
    app.answer(
        "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nRetry-After:  7 \r\n"
        "content-type: second\r\nContent-Length: 5\r\n\r\nhello");
    const Result result = fetch({.url = app.url("/a?b=c")}, R"({"action":"open"})");
    EXPECT_EQ(result.status, 201);
    EXPECT_TRUE(result.sent);
    EXPECT_FALSE(result.cut);
    EXPECT_EQ(result.body, "hello");
    EXPECT_EQ(result.content_type, "text/plain");
    EXPECT_EQ(result.retry_after, "7");
    EXPECT_EQ(result.error, "");
    ASSERT_EQ(app.calls.size(), 1u);
    EXPECT_EQ(app.calls[0].body, R"({"action":"open"})");
    EXPECT_EQ(fetcher_->in_flight(), 0u);
}

TEST_P(FetchTest, TheWholeHeadInItsOrder) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    (void)fetch(target, "{}", "B: 2\nCookie:\nA:  1 \nX-Colon: a:b;c\n");
    ASSERT_EQ(app.calls.size(), 1u);
    EXPECT_EQ(app.calls[0].head,
              "POST /hook HTTP/1.1\r\n"
              "Host: 127.0.0.1:" +
                  std::to_string(app.port()) +
                  "\r\n"
                  "User-Agent: starling/" +
                  std::string(version()) +
                  "\r\n"
                  "Accept: */*\r\n"
                  "Content-Type: application/json\r\n"
                  "B: 2\r\nCookie:\r\nA: 1\r\nX-Colon: a:b;c\r\n"
                  "Content-Length: 2\r\n");
}

TEST_P(FetchTest, TheCallersAgentAndAcceptTakeThePlaceOfOurs) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url("/?a=b&c")});
    const std::string host =
        "POST /?a=b&c HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(app.port()) + "\r\n";
    const std::string agent = "User-Agent: starling/" + std::string(version()) + "\r\n";
    const std::string type = "Content-Type: application/json\r\n", end = "Content-Length: 2\r\n";
    (void)fetch(target, "{}", "A: 1\nuser-agent: mine\n");
    (void)fetch(target, "{}", "Accept: text/html\nA: 1\n");
    (void)fetch(target, "{}", "Accept: a/b\nAccept: c/d\nUser-Agent:\n");
    (void)fetch(target);
    ASSERT_EQ(app.calls.size(), 4u);
    const std::string accept = "Accept: */*\r\n";
    EXPECT_EQ(app.calls[0].head, host + accept + type + "A: 1\r\nuser-agent: mine\r\n" + end);
    EXPECT_EQ(app.calls[1].head, host + agent + type + "Accept: text/html\r\nA: 1\r\n" + end);
    EXPECT_EQ(app.calls[2].head,
              host + type + "Accept: a/b\r\nAccept: c/d\r\nUser-Agent:\r\n" + end);
    EXPECT_EQ(app.calls[3].head, host + agent + accept + type + end);
}

TEST_P(FetchTest, AUserInTheUrlIsSent) {
    App app(loop_);
    const std::string host = "127.0.0.1:" + std::to_string(app.port());
    EXPECT_EQ(fetch({.url = "http://me:secret@" + host + "/"}).status, 200);
    ASSERT_EQ(app.calls.size(), 1u);
    EXPECT_NE(app.calls[0].head.find("Authorization: Basic bWU6c2VjcmV0\r\n"), std::string::npos);
}

TEST_P(FetchTest, FieldsOfTheConnectionAndTheBodyAreLeftOut) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    (void)fetch(target, "{}",
                "Content-Length: 99\nTRANSFER-ENCODING: chunked\nHost: evil\nConnection: close\n"
                "Keep-Alive: 1\nProxy-Authorization: x\nTE: trailers\nTrailer: x\nUpgrade: x\n"
                "Expect: 100-continue\nContent-Type: text/xml\nA: 1\n");
    (void)fetch(target, "{}", "A: 2\n");
    ASSERT_EQ(app.calls.size(), 2u);
    EXPECT_TRUE(
        app.calls[0].head.ends_with("Content-Type: application/json\r\nA: 1\r\n"
                                    "Content-Length: 2\r\n"))
        << app.calls[0].head;
    EXPECT_EQ(app.calls[1].connection, 1);
}

TEST_P(FetchTest, NoLeaveIsAskedForALargeBody) {
    App app(loop_);
    const std::string body(3'000'000, 'x');
    const Result result = fetch({.url = app.url()}, body);
    EXPECT_EQ(result.status, 200);
    ASSERT_EQ(app.calls.size(), 1u);
    EXPECT_EQ(app.calls[0].body, body);
    EXPECT_EQ(app.calls[0].head.find("Expect"), std::string::npos);
    EXPECT_EQ(app.calls[0].head.find("Accept-Encoding"), std::string::npos);
}

TEST_P(FetchTest, AnEmptyBody) {
    App app(loop_);
    EXPECT_EQ(fetch({.url = app.url()}, "").status, 200);
    ASSERT_EQ(app.calls.size(), 1u);
    EXPECT_NE(app.calls[0].head.find("Content-Length: 0\r\n"), std::string::npos);
}

TEST_P(FetchTest, AConnectionIsUsedAgain) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    for (int i = 0; i < 20; ++i) EXPECT_EQ(fetch(target).status, 200);
    EXPECT_EQ(app.connections, 1);
}

TEST_P(FetchTest, AUnixDomainSocket) {
    const fake::TemporaryDirectory directory;
    App app(loop_, "unix:" + directory.file("app.sock"));
    Target& target = fetcher_->add(
        {.url = "http://app.example:99/hook", .unix_socket = directory.file("app.sock")});
    EXPECT_EQ(fetch(target).status, 200);
    EXPECT_EQ(fetch(target).status, 200);
    EXPECT_EQ(app.connections, 1);
    EXPECT_NE(app.calls.at(0).head.find("Host: app.example:99\r\n"), std::string::npos);
}

// One of the addresses of "localhost" refuses.
TEST_P(FetchTest, LocalhostIsBothLoopbackAddresses) {
    App app(loop_);
    const Result result =
        fetch({.url = "http://localhost:" + std::to_string(app.port()) + "/hook"});
    EXPECT_EQ(result.status, 200) << result.error;
}

TEST_P(FetchTest, ManyAtOnce) {
    App app(loop_);
    app.on_call(
        [](net::Stream& stream, const App::Call& call) { App::say(stream, ok(call.body)); });
    Target& target =
        fetcher_->add({.url = app.url(), .connect_timeout_ms = 60'000, .timeout_ms = 60'000});
    constexpr uint64_t count = 1'000;
    for (int round = 0; round < 2; ++round) {
        results_.clear();
        for (uint64_t i = 0; i < count; ++i) fetcher_->post(target, i, "", std::to_string(i));
        EXPECT_EQ(fetcher_->in_flight(), count);
        ASSERT_TRUE(run_until_results(count));
        std::map<uint64_t, std::string> bodies;
        for (const Result& result : results_) bodies[result.tag] = result.body;
        ASSERT_EQ(bodies.size(), count);
        for (const auto& [tag, body] : bodies) EXPECT_EQ(body, std::to_string(tag));
    }
    EXPECT_EQ(app.connections, int(count));  // The second round found them all.
}

TEST_P(FetchTest, TheReceiverMayPostAtOnce) {
    App app(loop_);
    Target& target = fetcher_->add({.url = app.url()});
    then_ = [&](const Result& result) {
        if (result.tag < 10) fetcher_->post(target, result.tag + 1, "", "{}");
    };
    fetcher_->post(target, 1, "", "{}");
    ASSERT_TRUE(run_until_results(10));
    EXPECT_EQ(app.calls.size(), 10u);
    EXPECT_LE(app.connections, 2);
}

TEST_P(FetchTest, WhatTheReceiverThrowsIsToldAndTheOthersAreReported) {
    App app(loop_);
    std::vector<std::string> told;
    loop_.on_escaped([&](std::string_view what) { told.emplace_back(what); });
    Target& target = fetcher_->add({.url = app.url()});
    then_ = [](const Result&) { throw std::runtime_error("no"); };
    for (uint64_t i = 0; i < 20; ++i) fetcher_->post(target, i, "", "{}");
    ASSERT_TRUE(run_until_results(20));
    EXPECT_EQ(told, std::vector<std::string>(20, "no"));
    EXPECT_EQ(fetcher_->in_flight(), 0u);
}

TEST_P(FetchTest, TheEndDropsWhatIsUnderWay) {
    App app(loop_);
    app.on_call([](net::Stream&, const App::Call&) {});
    Target& target = fetcher_->add({.url = app.url()});
    for (uint64_t i = 0; i < 5; ++i) fetcher_->post(target, i, "", "{}");
    ASSERT_TRUE(fake::run_until(loop_, [&] { return app.calls.size() == 5; }));
    for (uint64_t i = 0; i < 5; ++i) fetcher_->post(target, i, "", "{}");
    fetcher_->post(fetcher_->add({.url = "http://name.invalid/"}), 9, "", "{}");
    loop_.run_once(0);
    fetcher_.reset();
    // The lookup of the name may have failed in that turn of the loop.
    const size_t before = results_.size();
    fake::run_ticks(loop_, 10);
    EXPECT_EQ(results_.size(), before);
    for (const Result& result : results_) EXPECT_EQ(result.tag, 9u);
}

TEST_P(FetchTest, TargetsThatAreNone) {
    for (const char* url : {"", "app.example/", "ftp://app.example/", "http://", "http://a b/",
                            "http://app.example:99999/", "http://a\r\nb/"})
        EXPECT_THROW(fetcher_->add({.url = url}), std::invalid_argument) << url;
    EXPECT_THROW(fetcher_->add({.url = "http://app.example/", .connect_timeout_ms = 0}),
                 std::invalid_argument);
    EXPECT_THROW(fetcher_->add({.url = "http://app.example/", .timeout_ms = 0}),
                 std::invalid_argument);
    EXPECT_THROW(fetcher_->add({.url = "https://app.example/", .ca_path = "/no/such/file"}),
                 std::invalid_argument);
}

INSTANTIATE_BOTH_SENDERS(FetchTest);

}  // namespace
}  // namespace starling::fetch
