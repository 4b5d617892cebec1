// Engine.IO by long-polling, byte by byte. polling_faults_test.cpp has the answer to each faulty
// input.
#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/server/engineio/fixture.h"

namespace starling::server::test {
namespace {

using namespace std::string_literals;

class EnginePolling : public EngineTest {};

std::string gunzipped(const std::string& bytes) {
    z_stream stream{};
    if (inflateInit2(&stream, 15 + 16) != Z_OK) return "<no gzip>";
    std::string out(1 << 20, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = uInt(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = uInt(out.size());
    const bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return whole ? out : "<cut short>";
}

TEST_F(EnginePolling, HandshakeMessagesAndClose) {
    start();
    Client client(t->port());
    const Answer opened = client.get("/socket.io/?EIO=4&transport=polling");
    EXPECT_TRUE(opened.body.starts_with("0{\"sid\":\"")) << opened.body;
    EXPECT_TRUE(
        opened.body.ends_with("\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
                              "\"pingTimeout\":20000,\"maxPayload\":1000000}\x1e"
                              "4welcome"))
        << opened.body;
    EXPECT_TRUE(opened.has("Content-Type: text/plain; charset=UTF-8\r\n")) << opened.head;
    EXPECT_TRUE(opened.has("Cache-Control: no-store\r\n")) << opened.head;
    EXPECT_EQ(engine->sessions(), 1u);
    const std::string sid = opened.body.substr(9, 20);

    const Answer posted = client.request(post_request(sid,
                                                      "4one\x1e"
                                                      "4two\x1e"
                                                      "bAQID"));
    EXPECT_EQ(posted.body, "ok");
    EXPECT_TRUE(posted.has("Content-Type: text/html\r\n")) << posted.head;
    EXPECT_EQ(client.request(get_request(sid)).body,
              "4one\x1e"
              "4two\x1e"
              "bAQID");

    Client poster(t->port());
    client.send(get_request(sid));
    EXPECT_EQ(poster.request(post_request(sid, "4three")).body, "ok");
    EXPECT_EQ(client.answer().body, "4three");

    client.send(get_request(sid));
    EXPECT_TRUE(eventually([&] { return client.all_taken(); }));
    EXPECT_EQ(poster.request(post_request(sid, "1")).body, "ok");
    const std::string last = client.answer().body;
    EXPECT_TRUE(last == "6" || last == R"({"code":1,"message":"Session ID unknown"})") << last;
    EXPECT_TRUE(closed_with("transport close"));
    EXPECT_EQ(engine->sessions(), 0u);
    EXPECT_EQ(t->events.text(),
              "open, text(one), text(two), binary(\x01\x02\x03), text(three), transport close");
}

TEST_F(EnginePolling, AGetMayHaveABody) {
    start();
    Client client(t->port()), poster(t->port());
    const std::string sid = open(client);
    client.send("GET " + target(sid) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    EXPECT_EQ(poster.request(post_request(sid, "4there")).body, "ok");
    EXPECT_EQ(client.answer().body, "4there");
}

TEST_F(EnginePolling, AnAbortedPollOrPostIsATransportError) {
    start();
    Client client(t->port());
    std::string sid = open(client);
    {
        Client poll(t->port());
        poll.send(get_request(sid));
        EXPECT_TRUE(eventually([&] { return poll.all_taken(); }));
    }
    EXPECT_TRUE(closed_with("transport error"));
    sid = open(client);
    {
        Client post(t->port());
        begin_post(post, sid, 100);
    }
    EXPECT_TRUE(t->events.wait_for("transport error", 2));
    EXPECT_EQ(engine->sessions(), 0u);
}

TEST_F(EnginePolling, TheServerCloses) {
    start();
    Client client(t->port()), poster(t->port());
    std::string sid = open(client);
    client.send(get_request(sid));
    EXPECT_EQ(poster
                  .request(post_request(sid,
                                        "4last words\x1e"
                                        "4close\x1e"
                                        "4too late"))
                  .body,
              "ok");
    std::string told = client.answer().body;
    if (told == "4last words") told += "\x1e" + client.request(get_request(sid)).body;
    EXPECT_EQ(told,
              "4last words\x1e"
              "1");
    EXPECT_TRUE(closed_with("forced close"));
    EXPECT_EQ(t->events.count("text(too late)"), 0u);

    sid = open(client);  // No poll is pending: the next one gets the close packet.
    EXPECT_EQ(poster.request(post_request(sid, "4close")).body, "ok");
    EXPECT_EQ(t->events.count("forced close"), 1u);
    EXPECT_EQ(client.request(get_request(sid)).body, "1");
    EXPECT_TRUE(t->events.wait_for("forced close", 2));
    EXPECT_EQ(client.request(get_request(sid)).body,
              R"({"code":1,"message":"Session ID unknown"})");
}

TEST_F(EnginePolling, AUserThatThrowsCostsItsSession) {
    start();
    Client client(t->port());
    const std::string sid = open(client);
    EXPECT_EQ(client.request(post_request(sid, "4throw")).body, "ok");
    EXPECT_TRUE(closed_with("forced server close"));
    EXPECT_TRUE(t->log->lines.wait_for("a handler threw session as asked"));
    EXPECT_NE(open(client), "");
}

TEST_F(EnginePolling, HeartbeatsOfBothRevisions) {
    start({.allow_eio3 = true,
           .ping_interval = std::chrono::milliseconds(300),
           .ping_timeout = std::chrono::milliseconds(60'000)});
    Client client(t->port());
    std::string sid = open(client);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(client.request(get_request(sid)).body, "2");
        EXPECT_EQ(client.request(post_request(sid, "3")).body, "ok");
    }
    Client old(t->port());
    sid = open(old, "EIO=3");
    EXPECT_EQ(old.request(post_request(sid, "1:2", "EIO=3")).body, "ok");
    EXPECT_EQ(old.request(get_request(sid, "EIO=3")).body, "1:3");
}

TEST_F(EnginePolling, SilenceIsAPingTimeout) {
    start({.allow_eio3 = true,
           .ping_interval = std::chrono::milliseconds(20),
           .ping_timeout = std::chrono::milliseconds(20)});
    Client client(t->port());
    (void)open(client);
    (void)open(client, "EIO=3");
    EXPECT_TRUE(t->events.wait_for("ping timeout", 2));
    EXPECT_EQ(engine->sessions(), 0u);
}

TEST_F(EnginePolling, RevisionThree) {
    start({.allow_eio3 = true});
    Client client(t->port());
    const Answer opened = client.get("/socket.io/?EIO=3&transport=polling&b64=1");
    EXPECT_TRUE(opened.body.starts_with("118:0{\"sid\":\"")) << opened.body;
    EXPECT_TRUE(opened.body.ends_with("}8:4welcome")) << opened.body;
    const std::string sid = opened.body.substr(13, 20);
    EXPECT_EQ(client
                  .request(post_request(sid,
                                        "3:4h\xc3\xa9"
                                        "6:b4AQID",
                                        "EIO=3"))
                  .body,
              "ok");
    EXPECT_EQ(t->events.text(), "open, text(h\xc3\xa9), binary(\x01\x02\x03)");
    EXPECT_EQ(client.request(get_request(sid, "EIO=3&b64=1")).body,
              "3:4h\xc3\xa9"
              "6:b4AQID");
    EXPECT_EQ(client
                  .request(post_request(sid,
                                        "\x01\x03\xff\x04"
                                        "ab"s,
                                        "EIO=3", "Content-Type: application/octet-stream\r\n"))
                  .body,
              "ok");
    const Answer binary = client.request(get_request(sid, "EIO=3"));
    EXPECT_EQ(binary.body,
              "\x01\x03\xff\x04"
              "ab"s);
    EXPECT_TRUE(binary.has("Content-Type: application/octet-stream\r\n")) << binary.head;
}

TEST_F(EnginePolling, Jsonp) {
    start();
    Client client(t->port());
    const Answer opened = client.get("/socket.io/?EIO=4&transport=polling&j=7");
    EXPECT_TRUE(opened.body.starts_with("___eio[7](\"0{\\\"sid\\\":\\\"")) << opened.body;
    EXPECT_TRUE(opened.has("Content-Type: text/javascript; charset=UTF-8\r\n")) << opened.head;
    const std::string sid = opened.body.substr(23, 20);
    const std::string form = "Content-Type: application/x-www-form-urlencoded\r\n";
    EXPECT_EQ(client.request(post_request(sid, "d=4a%22%5Cn%5C%5Cn%3C", "EIO=4&j=8", form)).body,
              "ok");
    EXPECT_TRUE(t->events.wait_for("text(a\"\n\\n<)")) << t->events.text();
    EXPECT_EQ(client.request(get_request(sid, "EIO=4&j=9")).body,
              "___eio[9](\"4a\\\"\\n\\\\n<\");");
}

TEST_F(EnginePolling, LargeRepliesAreCompressedWhereTheClientAcceptsIt) {
    start();
    Client client(t->port());
    const std::string sid = open(client), text = std::string(5000, 'z');
    const std::string head = "GET " + target(sid) + " HTTP/1.1\r\nHost: a\r\n";
    (void)client.request(post_request(sid, "4" + text));
    const Answer answer = client.request(head + "Accept-Encoding: gzip, deflate\r\n\r\n");
    EXPECT_TRUE(answer.has("Content-Encoding: gzip\r\n")) << answer.head;
    EXPECT_EQ(gunzipped(answer.body), "4" + text);
    (void)client.request(post_request(sid, "4" + text));
    EXPECT_EQ(client.request(head + "\r\n").body, "4" + text);
    (void)client.request(post_request(sid, "4short"));
    EXPECT_EQ(client.request(head + "Accept-Encoding: gzip\r\n\r\n").body, "4short");
}

TEST_F(EnginePolling, CookieHeadersAndCors) {
    int initial = 0, all = 0;
    start({.cookie = EngineCookie{},
           .cors = http::CorsOptions{.origins = {"https://page.example"}, .credentials = true},
           .initial_headers =
               [&](http::Response& response, const http::Request&) {
                   response.header("X-First", "yes"), ++initial;
               },
           .headers = [&](http::Response& response,
                          const http::Request&) { response.header("X-Each", "yes"), ++all; }});
    Client client(t->port());
    const std::string origin = "Origin: https://page.example\r\n";
    const Answer opened = client.get("/socket.io/?EIO=4&transport=polling", origin);
    const std::string sid = opened.body.substr(9, 20);
    EXPECT_TRUE(opened.has("Set-Cookie: io=" + sid + "; Path=/; HttpOnly; SameSite=Lax\r\n"))
        << opened.head;
    EXPECT_TRUE(opened.has("Access-Control-Allow-Origin: https://page.example\r\n")) << opened.head;
    EXPECT_TRUE(opened.has("Access-Control-Allow-Credentials: true\r\n")) << opened.head;
    EXPECT_TRUE(opened.has("X-First: yes\r\n") && opened.has("X-Each: yes\r\n")) << opened.head;
    const Answer posted = client.request(post_request(sid, "4x", "EIO=4", origin));
    EXPECT_TRUE(posted.has("X-Each: yes\r\n") && !posted.has("X-First")) << posted.head;
    EXPECT_TRUE(posted.has("Access-Control-Allow-Origin: https://page.example\r\n")) << posted.head;
    EXPECT_FALSE(posted.has("Set-Cookie"));
    // The promised answer has these fields, too.
    EXPECT_EQ(client.request(get_request(sid)).body, "4x");
    client.send("GET " + target(sid) + " HTTP/1.1\r\nHost: here\r\n" + origin + "\r\n");
    Client poster(t->port());
    EXPECT_EQ(poster.request(post_request(sid, "4y")).body, "ok");
    const Answer late = client.answer();
    EXPECT_TRUE(late.body == "4y" && late.has("X-Each: yes\r\n") &&
                late.has("Access-Control-Allow-Origin: https://page.example\r\n"))
        << late.head;
    const Answer preflight =
        client.request("OPTIONS " + target(sid) + " HTTP/1.1\r\nHost: here\r\n" + origin +
                       "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: "
                       "content-type\r\n\r\n");
    EXPECT_EQ(preflight.status, 204);
    EXPECT_TRUE(preflight.has("Access-Control-Allow-Methods: GET, HEAD, POST\r\n"))
        << preflight.head;
    EXPECT_EQ(client.get(target(sid), "Origin: https://other.example\r\n").status, 403);
    EXPECT_EQ(initial, 1);
    EXPECT_EQ(all, 5);
}

TEST_F(EnginePolling, TheApplicationRefuses) {
    std::string errors;
    EngineOptions options;
    options.allow_request = [](const http::Request& request) -> std::optional<std::string> {
        if (request.query("key") == "right") return std::nullopt;
        return "no \"key\"";
    };
    options.connection_error = [&](const http::Request&, int code, std::string_view message) {
        errors += std::to_string(code) + " " + std::string(message) + ";";
    };
    start(options);
    Client client(t->port());
    const Answer refused = client.get("/socket.io/?EIO=4&transport=polling");
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.body, R"({"code":4,"message":"no \"key\""})");
    WsClient socket(t->port(), "/socket.io/?EIO=4&transport=websocket");
    EXPECT_EQ(socket.handshake().status, 400);
    EXPECT_EQ(socket.handshake().body, "no \"key\"");
    EXPECT_NE(open(client, "EIO=4&key=right"), "");
    EXPECT_EQ(errors, "4 no \"key\";4 no \"key\";");
}

TEST_F(EnginePolling, AQueueThatNobodyFetchesEndsTheSession) {
    start();
    Client client(t->port());
    const std::string sid = open(client);
    EXPECT_EQ(client.request(post_request(sid, "4flood 20")).body, "ok");
    EXPECT_TRUE(closed_with("transport error"));
    const std::string other = open(client);
    EXPECT_EQ(client.request(post_request(other, "4flood 5")).body, "ok");
    EXPECT_EQ(client.request(get_request(other)).body.size(), 5 * 100'001u + 4);
}

// A pong has one byte but costs more memory than that.
TEST_F(EnginePolling, AQueueOfSmallPacketsEndsTheSessionToo) {
    start({.allow_eio3 = true, .send_queue_bytes_max = 50'000});
    Client client(t->port());
    const std::string sid = open(client, "EIO=3");
    std::string pings;
    for (int i = 0; i < 1000; ++i) pings += "1:2";
    EXPECT_EQ(client.request(post_request(sid, pings, "EIO=3")).status, 200);
    EXPECT_TRUE(closed_with("transport error"));
}

TEST_F(EnginePolling, AServerThatStopsSaysSo) {
    start();
    Client waiting(t->port()), idle(t->port());
    const std::string sid = open(waiting);
    (void)open(idle);
    waiting.send(get_request(sid));
    EXPECT_TRUE(eventually([&] { return waiting.all_taken(); }));
    t->stop(false);
    EXPECT_EQ(t->events.count("server shutting down"), 2u) << t->events.text();
    const Answer told = waiting.answer();
    EXPECT_TRUE(told.body == "1" || told.status == 503 || told.status == 0) << told.head;
    EXPECT_EQ(engine->sessions(), 0u);
}

}  // namespace
}  // namespace starling::server::test
