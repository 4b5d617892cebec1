// The opening handshake on real connections: rules of the protocol, of the route and of the hook.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::Opcode;
using ws::Socket;
using ws::Upgrade;

ws::Route recording(Transcript& events) {
    return {
        .open = [&](Socket) { events.add("open"); },
        .message = [](Socket socket, Message message) { socket.send(message); },
    };
}

struct Handshake {
    const char* name;
    std::string request;
    int status;
    const char* in_head;
};

TEST(WsHandshake, IsJudgedBeforeAnythingOpens) {
    TestServer t;
    ws::Route route = recording(t.events);
    route.origins = {"https://friend.example"};
    route.subprotocols = {"chat", "log"};
    t.server.websocket("/ws", std::move(route));
    t.start();
    const auto with = [](const char* fields) { return upgrade_request("/ws", fields); };
    std::string pad_bits = with("");
    pad_bits.replace(pad_bits.find("dGhl"), 24, "AQIDBAUGBwgJCgsMDQ4PEC==");
    std::string no_key = with(""), old = with(""), post = with("");
    no_key.replace(no_key.find("dGhl"), 24, "c2hvcnQ=");
    old.replace(old.find("Version: 13"), 11, "Version: 8 ");
    post.replace(0, 3, "POST");
    std::string head = with("");
    head.replace(0, 3, "HEAD");
    const Handshake cases[] = {
        {"good", with(""), 101, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"},
        {"same origin", with("Origin: http://here\r\n"), 101, ""},
        {"listed origin", with("Origin: https://friend.example\r\n"), 101, ""},
        {"foreign origin", with("Origin: https://evil.example\r\n"), 403, "Connection: close"},
        {"two origins",
         with("Origin: https://friend.example\r\nOrigin: https://friend.example\r\n"), 403, ""},
        {"an origin behind a good one",
         with("Origin: http://here\r\nOrigin: https://evil.example\r\n"), 403, ""},
        {"null origin", with("Origin: null\r\n"), 403, ""},
        {"origin of the WebSocket's scheme", with("Origin: ws://here\r\n"), 101, ""},
        {"and of another host", with("Origin: ws://there\r\n"), 403, ""},
        {"pad bits", pad_bits, 101, ""},
        {"subprotocol", with("Sec-WebSocket-Protocol: log, chat\r\n"), 101,
         "Sec-WebSocket-Protocol: chat\r\n"},
        {"bad key", no_key, 400, ""},
        {"version", old, 426, "Sec-WebSocket-Version: 13\r\n"},
        {"version says upgrade", old, 426, "Connection: close, upgrade\r\n"},
        {"post", post, 405, "Allow: GET"},
        {"head", head, 405, "Allow: GET"},
        {"body", with("Content-Length: 3\r\n") + "abc", 400, ""},
        {"no such path", upgrade_request("/other"), 404, ""},
    };
    size_t good = 0;
    for (const auto& one : cases) {
        SCOPED_TRACE(one.name);
        Client client(t.port());
        const auto answer = client.request(one.request);
        EXPECT_EQ(answer.status, one.status) << answer.head << answer.end;
        EXPECT_TRUE(answer.has(one.in_head)) << answer.head;
        good += one.status == 101;
    }
    EXPECT_TRUE(t.all_gone());
    EXPECT_EQ(t.events.count("open"), good);
    EXPECT_EQ(t.stats().websockets_opened, good);
}

// At most one line per second, with the last origin and the number of refusals.
TEST(WsHandshake, ARefusedOriginIsLogged) {
    TestServer t;
    t.server.websocket("/ws", {});
    t.start();
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(Client(t.port())
                      .request(upgrade_request("/ws", "Origin: https://evil.example\r\n"))
                      .status,
                  403);
    EXPECT_TRUE(t.log->lines.wait_for(
        "a page of another origin was refused https://evil.example here /ws 1"))
        << t.log->lines.text();
}

TEST(WsHandshake, TheHookRefusesChoosesAndAdds) {
    TestServer t;
    const auto hook = [&](Upgrade& upgrade) {
        const auto what = upgrade.request().query("do").value_or("");
        if (what == "refuse") return upgrade.refuse(401, "who are you");
        if (what == "refuse-101") return upgrade.refuse(101);
        if (what == "throw") throw std::runtime_error("hook");
        if (what == "split") upgrade.header("X", "a\r\nb");
        t.events.add(upgrade.subprotocol("not-offered") ? "taken" : "not taken");
        upgrade.subprotocol(upgrade.offered_subprotocols().back());
        upgrade.header("X-Extra", "1").emplace_data<std::string>("data of the upgrade");
    };
    t.server.websocket(
        "/ws", {
                   .subprotocols = {"a"},
                   .upgrade = hook,
                   .open =
                       [](Socket s) {
                           s.send(*s.data<std::string>() + " " + std::string(s.subprotocol()));
                       },
               });
    t.start();
    const auto ask = [&](const char* path) {
        return Client(t.port()).request(upgrade_request(path));
    };
    const auto refused = ask("/ws?do=refuse");
    EXPECT_EQ(refused.status, 401);
    EXPECT_EQ(refused.body, "401 Unauthorized: who are you\n");
    for (const char* path : {"/ws?do=refuse-101", "/ws?do=throw", "/ws?do=split"})
        EXPECT_EQ(ask(path).status, 500) << path;
    EXPECT_EQ(t.stats().handler_exceptions, 3u);
    WsClient client(t.port(), "/ws", "Sec-WebSocket-Protocol: a, b\r\n");
    EXPECT_TRUE(client.handshake().has("Sec-WebSocket-Protocol: b\r\n"));
    EXPECT_TRUE(client.handshake().has("X-Extra: 1\r\n"));
    EXPECT_EQ(client.next(), "text(data of the upgrade b)");
    EXPECT_EQ(t.events.text(), "not taken");
}

TEST(WsHandshake, FramesBehindTheRequestAreNotLost) {
    TestServer t;
    t.server.get("/", [](const http::Request&, http::Response& r) { r.text("page"); });
    t.server.websocket("/ws", recording(t.events));
    t.start();
    Client client(t.port());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + upgrade_request("/ws") +
                masked_frame(Opcode::text, "early"));
    EXPECT_EQ(client.answer().body, "page");
    EXPECT_EQ(client.answer().status, 101);
    EXPECT_EQ(client.read(7),
              "\x81\x05"
              "early");
}

TEST(WsHandshake, APlainRequestGetsThePage) {
    TestServer t;
    t.server.websocket(
        "/ws", {
                   .page = [](const http::Request&, http::Response& r) { r.text("the page"); },
               });
    t.start();
    EXPECT_EQ(Client(t.port()).get("/ws").body, "the page");
    EXPECT_EQ(WsClient(t.port(), "/ws").handshake().status, 101);
}

}  // namespace
}  // namespace starling::server::test
