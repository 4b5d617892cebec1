// Engine.IO by long-polling, byte by byte: the answer to each faulty input.
#include <gtest/gtest.h>

#include "tests/server/engineio/fixture.h"

namespace starling::server::test {
namespace {

using namespace std::string_literals;

class EnginePollingFaults : public EngineTest {};

struct Refused {
    const char* method;
    const char* query;
    const char* fields;
    int status;
    const char* body;
};

TEST_F(EnginePollingFaults, ErrorsAreNamedAsNodeNamesThem) {
    start();
    const Refused cases[] = {
        {"GET", "EIO=4", "", 400, R"({"code":0,"message":"Transport unknown"})"},
        {"GET", "EIO=4&transport=tobi", "", 400, R"({"code":0,"message":"Transport unknown"})"},
        {"GET", "EIO=4&transport=polling&sid=12345678901234567890", "", 400,
         R"({"code":1,"message":"Session ID unknown"})"},
        {"GET", "EIO=4&transport=polling&sid=mine", "", 400,
         R"({"code":1,"message":"Session ID unknown"})"},
        {"POST", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", "Content-Length: 0\r\n", 400,
         R"({"code":1,"message":"Session ID unknown"})"},
        {"DELETE", "EIO=4&transport=polling", "", 400,
         R"({"code":2,"message":"Bad handshake method"})"},
        {"OPTIONS", "EIO=4&transport=polling", "", 400,
         R"({"code":2,"message":"Bad handshake method"})"},
        {"POST", "EIO=4&transport=polling", "Content-Length: 0\r\n", 400,
         R"({"code":2,"message":"Bad handshake method"})"},
        {"GET", "EIO=4&transport=websocket", "", 400, R"({"code":3,"message":"Bad request"})"},
        // A <script> on a page of another origin.
        {"GET", "EIO=3&transport=polling&j=0", "Sec-Fetch-Site: cross-site\r\n", 403,
         "{\"code\":4,\"message\":\"Forbidden\"}"},
        {"GET", "EIO=3&transport=polling&j=0",
         "Sec-Fetch-Site: cross-site\r\nReferer: http://elsewhere/page\r\n", 403,
         "{\"code\":4,\"message\":\"Forbidden\"}"},
        {"GET", "EIO=4&transport=polling", "Origin: http://elsewhere\r\n", 403,
         R"({"code":4,"message":"Forbidden"})"},
        {"GET", "EIO=3&transport=polling", "", 400,
         R"({"code":5,"message":"Unsupported protocol version"})"},
        {"GET", "transport=polling", "", 400,
         R"({"code":5,"message":"Unsupported protocol version"})"},
    };
    for (const auto& c : cases) {
        Client client(t->port());
        const Answer answer = client.request(c.method + " /socket.io/?"s + c.query +
                                             " HTTP/1.1\r\nHost: here\r\n" + c.fields + "\r\n");
        EXPECT_EQ(answer.status, c.status) << c.method << c.query;
        EXPECT_EQ(answer.body, c.body) << c.method << c.query;
        EXPECT_TRUE(answer.has("Content-Type: application/json\r\n")) << answer.head;
    }
    EXPECT_EQ(engine->sessions(), 0u);
    EXPECT_EQ(t->events.text(), "");
}

TEST_F(EnginePollingFaults, AnotherMethodRevisionOrTransportIsRefusedAndTheSessionGoesOn) {
    start({.allow_eio3 = true});
    Client client(t->port());
    const std::string sid = open(client);
    EXPECT_EQ(client.request("DELETE " + target(sid) + " HTTP/1.1\r\nHost: a\r\n\r\n").body,
              R"({"code":2,"message":"Bad handshake method"})");
    EXPECT_EQ(client.request("HEAD " + target(sid) + " HTTP/1.1\r\nHost: a\r\n\r\n", true).status,
              400);
    EXPECT_EQ(client.request(get_request(sid, "EIO=3")).body,
              R"({"code":3,"message":"Bad request"})");
    EXPECT_EQ(client.request(post_request(sid, "4x", "EIO=3")).body,
              R"({"code":3,"message":"Bad request"})");
    Client other(t->port());
    EXPECT_EQ(other.get("/socket.io/?EIO=4&transport=websocket&sid=" + sid).body,
              R"({"code":3,"message":"Bad request"})");
    EXPECT_EQ(other.request(post_request(sid, "4still here")).body, "ok");
    EXPECT_EQ(other.request(get_request(sid)).body, "4still here");
}

struct BadPost {
    const char* what;
    std::string body;
    std::string fields;
    int status;
    const char* reason;  // "": the session goes on.
};

TEST_F(EnginePollingFaults, BadPosts) {
    start();
    std::string many = "4silence";
    for (int i = 0; i < 1024; ++i)
        many +=
            "\x1e"
            "4silence";
    const BadPost cases[] = {
        {"too large", std::string(1'000'001, '4'), "", 413, ""},
        {"too many packets", many, "", 400, "parse error"},
        {"unknown type", "9x", "", 400, "parse error"},
        {"not base64", "b!!", "", 400, "parse error"},
        {"not UTF-8", "4\xff", "", 400, "parse error"},
        {"nothing", "", "", 400, "parse error"},
        {"binary in EIO4", "4x", "Content-Type: application/octet-stream\r\n", 400, "parse error"},
        {"a ping from the client", "2", "", 200, "transport error"},
        {"an open packet", "0", "", 200, "parse error"},
    };
    for (const auto& c : cases) {
        t->events.add(c.what);
        Client client(t->port());
        const std::string sid = open(client);
        Client poster(t->port());
        const Answer answer = poster.request(post_request(sid, c.body, "EIO=4", c.fields));
        EXPECT_EQ(answer.status, c.status) << c.what;
        EXPECT_EQ(engine->sessions(), *c.reason ? 0u : 1u) << c.what;
        if (*c.reason)
            EXPECT_TRUE(t->events.text().ends_with(c.reason)) << c.what << t->events.text();
        else
            EXPECT_EQ(client.request(post_request(sid, "1")).body, "ok");
        EXPECT_EQ(client.request(get_request(sid)).status, 400) << c.what;
    }
    EXPECT_EQ(t->events.count("text(silence)"), 1024u);
}

TEST_F(EnginePollingFaults, ABodyOverTheLimitCostsNothingButItself) {
    start({.max_http_buffer_size = 1000});
    Client client(t->port());
    const std::string sid = open(client);
    const std::string head = "POST " + target(sid) + " HTTP/1.1\r\nHost: a\r\n";
    Client promised(t->port());
    EXPECT_EQ(promised.request(head + "Content-Length: 1001\r\n\r\n").status, 413);
    Client chunked(t->port());
    EXPECT_EQ(chunked
                  .request(head + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" +
                           std::string(1000, 'x') + "\r\n1\r\nx\r\n")
                  .status,
              413);
    EXPECT_EQ(client.request(post_request(sid, "4" + std::string(999, 'y'))).body, "ok");
    EXPECT_EQ(client.request(get_request(sid)).body, "4" + std::string(999, 'y'));
}

TEST_F(EnginePollingFaults, OverlappingRequestsEndTheSession) {
    start();
    Client first(t->port()), second(t->port());
    std::string sid = open(first);
    first.send(get_request(sid));
    EXPECT_TRUE(eventually([&] { return first.all_taken(); }));
    Answer late = second.request(get_request(sid));
    Answer early = first.answer();
    if (late.status != 400) std::swap(late, early);
    EXPECT_EQ(late.status, 400);
    EXPECT_EQ(early.body, "1");
    EXPECT_TRUE(closed_with("transport error"));

    sid = open(first);
    begin_post(first, sid, 5);
    EXPECT_EQ(second.request(post_request(sid, "4fast")).status, 400);
    EXPECT_TRUE(t->events.wait_for("transport error", 2));
    first.send("4slow");
    EXPECT_EQ(first.answer().body, R"({"code":1,"message":"Session ID unknown"})");

    Client third(t->port()), fourth(t->port());
    sid = open(third);
    begin_post(third, sid, 5);
    EXPECT_EQ(fourth.request(post_request(sid, "")).status, 400);
    EXPECT_TRUE(t->events.wait_for("transport error", 3));
    EXPECT_EQ(t->events.count("text(slow)") + t->events.count("text(fast)"), 0u);
}

}  // namespace
}  // namespace starling::server::test
