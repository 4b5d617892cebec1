// Redirects: followed on the same server alone, and the POST stays a POST.
#include <gtest/gtest.h>

#include <string>

#include "tests/fetch/fixture.h"

namespace starling::fetch {
namespace {

std::string redirect(int status, const std::string& location) {
    return "HTTP/1.1 " + std::to_string(status) + " Elsewhere\r\nLocation: " + location +
           "\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno";
}

class Redirect : public FetchTest {
protected:
    Redirect() {
        app_.on_call([this](net::Stream& stream, const App::Call& call) {
            App::say(stream, call.head.starts_with("POST /from ") ? from_ : ok("there"));
        });
    }
    Result follow(const std::string& answer, bool follow = true) {
        from_ = answer;
        app_.calls.clear();
        return fetch({.url = app_.url("/from"), .follow_redirects = follow}, R"({"a":1})");
    }

    App app_{loop_};
    std::string from_;
};

TEST_P(Redirect, MethodAndBodyAreKept) {
    for (const int status : {301, 302, 307, 308}) {
        for (const std::string& location : {std::string("/to?x"), std::string("to?x"),
                                            app_.url("/to?x"), app_.url("/to?x#part")}) {
            SCOPED_TRACE(std::to_string(status) + " " + location);
            const Result result = follow(redirect(status, location));
            EXPECT_EQ(result.status, 200) << result.error;
            EXPECT_EQ(result.body, "there");
            EXPECT_EQ(result.content_type, "");
            ASSERT_EQ(app_.calls.size(), 2u);
            EXPECT_TRUE(app_.calls[1].head.starts_with("POST /to?x HTTP/1.1\r\n"));
            EXPECT_EQ(app_.calls[1].body, R"({"a":1})");
            EXPECT_EQ(app_.calls[1].connection, app_.calls[0].connection);
        }
    }
}

TEST_P(Redirect, ElsewhereIsTheAnswer) {
    const std::string port = std::to_string(app_.port());
    for (const std::string& location :
         {std::string("http://127.0.0.1:1/to"), "http://127.0.0.2:" + port + "/to",
          "http://localhost:" + port + "/to", "https://127.0.0.1:" + port + "/to",
          std::string("//app.example/to"), "http://me@127.0.0.1:" + port + "/to",
          std::string("ftp://127.0.0.1/"), std::string("file:///x"), std::string("http://["),
          std::string("")}) {
        SCOPED_TRACE(location);
        const Result result = follow(redirect(307, location));
        EXPECT_EQ(result.status, 307);
        EXPECT_EQ(result.body, "no");
        EXPECT_EQ(app_.calls.size(), 1u);
    }
}

TEST_P(Redirect, OtherStatusesAreTheAnswer) {
    for (const int status : {300, 303, 304, 305, 200, 404})
        EXPECT_EQ(follow(redirect(status, "/to")).status, status);
}

TEST_P(Redirect, NoneIsFollowedUnlessAskedFor) {
    EXPECT_EQ(follow(redirect(307, "/to"), false).status, 307);
    EXPECT_EQ(app_.calls.size(), 1u);
}

TEST_P(Redirect, FiveAtMost) {
    EXPECT_EQ(follow(redirect(302, "/from")).status, 302);
    EXPECT_EQ(app_.calls.size(), 6u);
}

TEST_P(Redirect, TheNextRequestBeginsAtTheTargetsUrl) {
    Target& target = fetcher_->add({.url = app_.url("/from"), .follow_redirects = true});
    from_ = redirect(302, "/to");
    EXPECT_EQ(fetch(target).body, "there");
    from_ = ok("here");
    EXPECT_EQ(fetch(target).body, "here");
    EXPECT_EQ(app_.connections, 1);
}

TEST_P(Redirect, TheTimeIsThatOfAll) {
    app_.on_call([](net::Stream& stream, const App::Call& call) {
        if (call.head.starts_with("POST /from ")) App::say(stream, redirect(302, "/to"));
    });
    const Result result =
        fetch({.url = app_.url("/from"), .timeout_ms = 1'000, .follow_redirects = true});
    EXPECT_EQ(result.status, 0);
    EXPECT_TRUE(result.sent);
    EXPECT_EQ(result.error, "no answer within 1000 ms");
}

// The first request was seen, even if the second was not.
TEST_P(Redirect, AnApplicationThatIsGoneMeanwhileMayHaveSeenIt) {
    app_.on_call([this](net::Stream& stream, const App::Call&) {
        App::say(stream,
                 "HTTP/1.1 302 Found\r\nLocation: /to\r\nConnection: close\r\n"
                 "Content-Length: 0\r\n\r\n");
        stream.close();
        app_.stop_listening();
    });
    const Result result = fetch({.url = app_.url("/from"), .follow_redirects = true});
    EXPECT_EQ(result.status, 0);
    EXPECT_TRUE(result.sent);
    EXPECT_EQ(result.error, "connection refused");
}

INSTANTIATE_BOTH_SENDERS(Redirect);

}  // namespace
}  // namespace starling::fetch
