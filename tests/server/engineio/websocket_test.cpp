// Engine.IO over WebSocket: from the start, by upgrade, and with faults on the way.
#include <gtest/gtest.h>

#include "tests/server/engineio/fixture.h"

namespace starling::server::test {
namespace {

using namespace std::string_literals;

constexpr std::string_view direct = "/socket.io/?EIO=4&transport=websocket";

class EngineWs : public EngineTest {
protected:
    static std::string upgrade_of(const std::string& sid, std::string_view eio = "4") {
        return "/socket.io/?EIO=" + std::string(eio) + "&transport=websocket&sid=" + sid;
    }
    static std::string next_two(WsClient& client) {
        const std::string first = client.next();
        return first + client.next();
    }
    static bool send_binary(WsClient& client, std::string_view bytes) {
        return client.send(masked_frame(ws::Opcode::binary, bytes));
    }
};

TEST_F(EngineWs, FromTheStart) {
    start();
    WsClient client(t->port(), direct);
    const std::string opened = client.next();
    EXPECT_TRUE(opened.starts_with("text(0{\"sid\":\"")) << opened;
    EXPECT_NE(opened.find("\"upgrades\":[],"), opened.npos) << opened;
    EXPECT_EQ(client.next(), "text(4welcome)");
    client.send_text("4hello");
    EXPECT_EQ(client.next(), "text(4hello)");
    send_binary(client, "\x01\x02");
    EXPECT_EQ(client.next(), "binary(\x01\x02)");
    // A fragmented message.
    client.send(masked_frame(ws::Opcode::text, "4in", false) +
                masked_frame(ws::Opcode::continuation, " two"));
    EXPECT_EQ(client.next(), "text(4in two)");
    client.send_close(1000);
    EXPECT_EQ(client.next(), "close(1000)");
    EXPECT_TRUE(closed_with("transport close"));
    EXPECT_EQ(engine->sessions(), 0u);
}

// A client that offers subprotocols and gets none gives up (RFC 6455 section 4.1).
TEST_F(EngineWs, TheFirstSubprotocolIsTaken) {
    start();
    WsClient client(t->port(), direct, "Sec-WebSocket-Protocol: v1.app, v2.app\r\n");
    EXPECT_TRUE(client.handshake().has("Sec-WebSocket-Protocol: v1.app\r\n"))
        << client.handshake().head;
    WsClient none(t->port(), direct);
    EXPECT_EQ(none.handshake().status, 101);
    EXPECT_FALSE(none.handshake().has("Sec-WebSocket-Protocol"));
}

TEST_F(EngineWs, SubprotocolsByPreference) {
    start({.subprotocols = {"v2.app", "v1.app"}});
    WsClient client(t->port(), direct, "Sec-WebSocket-Protocol: v1.app, v2.app\r\n");
    EXPECT_TRUE(client.handshake().has("Sec-WebSocket-Protocol: v2.app\r\n"));
    WsClient other(t->port(), direct, "Sec-WebSocket-Protocol: v3.app\r\n");
    EXPECT_EQ(other.handshake().status, 101);
    EXPECT_FALSE(other.handshake().has("Sec-WebSocket-Protocol"));
}

TEST_F(EngineWs, RevisionThreeAndBase64) {
    start({.allow_eio3 = true});
    WsClient old(t->port(), "/socket.io/?EIO=3&transport=websocket");
    (void)old.next(), (void)old.next();
    send_binary(old,
                "\x04"
                "abc");
    EXPECT_EQ(old.next(),
              "binary(\x04"
              "abc)");
    old.send_text("2");
    EXPECT_EQ(old.next(), "text(3)");
    old.send_text("b4AQID");
    EXPECT_EQ(old.next(), "binary(\x04\x01\x02\x03)");
    WsClient plain(t->port(), "/socket.io/?EIO=3&transport=websocket&b64=1");
    (void)plain.next(), (void)plain.next();
    plain.send_text("b4AQID");
    EXPECT_EQ(plain.next(), "text(b4AQID)");
}

struct Bad {
    std::string frame;
    std::string_view reason;
    std::string_view told;
};

TEST_F(EngineWs, FaultsEndTheSession) {
    start({.max_http_buffer_size = 1000});
    const Bad cases[] = {
        {masked_frame(ws::Opcode::text, "9"), "parse error", "close(1000)"},
        {masked_frame(ws::Opcode::text, ""), "parse error", "close(1000)"},
        {masked_frame(ws::Opcode::text, "5"), "parse error", "close(1000)"},
        {masked_frame(ws::Opcode::text, "2"), "transport error", "close(1000)"},
        {masked_frame(ws::Opcode::text, "1"), "transport close", "close(1000)"},
        {masked_frame(ws::Opcode::text, "4close"), "forced close", "close(1000)"},
        {masked_frame(ws::Opcode::text, "4throw"), "forced server close", "close(1000)"},
        {masked_frame(ws::Opcode::text, "4" + std::string(1000, 'x')), "transport error",
         "close(1009 message too big)"},
        {masked_frame(ws::Opcode::text, "4\xff"), "transport error", "close(1007 invalid UTF-8)"},
        {"\x81\x01"
         "4"s,
         "transport error", "close(1002 unmasked frame)"},
    };
    size_t sessions = 0;
    for (const auto& c : cases) {
        WsClient client(t->port(), direct);
        (void)client.next(), (void)client.next();
        client.send(c.frame);
        const std::string told = client.next();
        EXPECT_EQ(told.substr(0, 10), c.told.substr(0, 10)) << c.reason;
        ++sessions;
        EXPECT_TRUE(eventually([&] { return engine->sessions() == 0; })) << c.reason;
        EXPECT_TRUE(t->events.text().ends_with(c.reason)) << t->events.text();
    }
    EXPECT_EQ(t->events.count("open"), sessions);
}

struct RefusedUpgrade {
    std::string target;
    std::string fields;
    int status;
    std::string_view body;
};

TEST_F(EngineWs, RefusedUpgradesGetTheBareMessage) {
    start();
    Client poller(t->port());
    const std::string sid = open(poller);
    const RefusedUpgrade cases[] = {
        {"/socket.io/?EIO=4", "", 400, "Transport unknown"},
        {"/socket.io/?EIO=4&transport=polling", "", 400, "Bad request"},
        {upgrade_of("12345678901234567890"), "", 400, "Session ID unknown"},
        {upgrade_of(sid, "3"), "", 400, "Bad request"},
        {"/socket.io/?EIO=3&transport=websocket", "", 400, "Unsupported protocol version"},
    };
    for (const auto& c : cases) {
        WsClient client(t->port(), c.target, c.fields);
        EXPECT_EQ(client.handshake().status, c.status) << c.target;
        EXPECT_EQ(client.handshake().body, c.body) << c.target;
        EXPECT_TRUE(client.handshake().has("Content-Type: text/html\r\n")) << c.target;
        EXPECT_EQ(client.read_to_end(), "<end>");
    }
    WsClient foreign(t->port(), direct, "Origin: http://elsewhere\r\n");
    EXPECT_EQ(foreign.handshake().status, 403);
    EXPECT_EQ(engine->sessions(), 1u);
    EXPECT_EQ(poller.request(post_request(sid, "4still here")).body, "ok");
}

TEST_F(EngineWs, WhereOneTransportIsOff) {
    start({.polling = false});
    Client client(t->port());
    EXPECT_EQ(client.get("/socket.io/?EIO=4&transport=polling").body,
              R"({"code":0,"message":"Transport unknown"})");
    WsClient socket(t->port(), direct);
    EXPECT_TRUE(socket.next().starts_with("text(0"));
}

TEST_F(EngineWs, AnUpgradeTakesWhatIsQueuedAlong) {
    start();
    Client poller(t->port()), poster(t->port());
    const std::string sid = open(poller);
    poller.send(get_request(sid));
    WsClient socket(t->port(), upgrade_of(sid));
    EXPECT_EQ(socket.handshake().status, 101);
    socket.send_text("2probe");
    EXPECT_EQ(socket.next(), "text(3probe)");
    EXPECT_EQ(poller.answer().body, "6");
    EXPECT_EQ(poster
                  .request(post_request(sid,
                                        "4during\x1e"
                                        "bAQID"))
                  .body,
              "ok");
    // A late poll is answered, too.
    poller.send(get_request(sid));
    EXPECT_EQ(poller.answer().body,
              "4during\x1e"
              "bAQID");
    EXPECT_EQ(poller.request(get_request(sid)).body, "6");
    EXPECT_EQ(poster
                  .request(post_request(sid,
                                        "4queued\x1e"
                                        "bBAUG"))
                  .body,
              "ok");
    socket.send_text("5");
    EXPECT_EQ(socket.next(), "text(4queued)");
    EXPECT_EQ(socket.next(), "binary(\x04\x05\x06)");
    socket.send_text("4over there");
    EXPECT_EQ(socket.next(), "text(4over there)");
    EXPECT_EQ(poller.request(get_request(sid)).body, R"({"code":3,"message":"Bad request"})");
    poller.close();
    poster.close();
    socket.send_text("4and alone");
    EXPECT_EQ(socket.next(), "text(4and alone)");
    EXPECT_EQ(engine->sessions(), 1u);
    socket.reset();
    EXPECT_TRUE(closed_with("transport close"));
}

TEST_F(EngineWs, ASecondUpgradeIsClosedAndTheSessionStays) {
    start();
    Client poller(t->port());
    const std::string sid = open(poller);
    WsClient first(t->port(), upgrade_of(sid)), second(t->port(), upgrade_of(sid));
    EXPECT_EQ(second.next(), "close(1000)");
    first.send_text("2probe");
    EXPECT_EQ(first.next(), "text(3probe)");
    first.send_text("5");
    first.send_text("4here");
    EXPECT_EQ(first.next(), "text(4here)");
    WsClient third(t->port(), upgrade_of(sid));
    EXPECT_EQ(third.next(), "close(1000)");
    first.send_text("4still");
    EXPECT_EQ(first.next(), "text(4still)");
}

TEST_F(EngineWs, AProbeThatFailsCostsOnlyItself) {
    start({.upgrade_timeout = std::chrono::milliseconds(300)});
    Client poller(t->port());
    const std::string sid = open(poller);
    {
        WsClient wrong(t->port(), upgrade_of(sid));
        wrong.send_text("4too early");
        EXPECT_EQ(wrong.next(), "close(1000)");
    }
    { WsClient gone(t->port(), upgrade_of(sid)); }
    EXPECT_TRUE(eventually([&] {
        // Refused until the previous WebSocket is gone.
        WsClient silent(t->port(), upgrade_of(sid));
        silent.send_text("2probe");
        return silent.next() == "text(3probe)" && silent.next() == "close(1000)";
    }));
    EXPECT_EQ(poller.request(post_request(sid, "4fine")).body, "ok");
    EXPECT_EQ(poller.request(get_request(sid)).body, "4fine");
    EXPECT_EQ(engine->sessions(), 1u);
}

TEST_F(EngineWs, HeartbeatAndTimeout) {
    start(
        {.ping_interval = std::chrono::milliseconds(50), .ping_timeout = std::chrono::seconds(3)});
    WsClient client(t->port(), direct);
    (void)client.next(), (void)client.next();
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(client.next(), "text(2)");
        client.send_text("3");
    }
    EXPECT_EQ(client.next(), "text(2)");
    EXPECT_EQ(client.next(), "close(1000)");
    EXPECT_TRUE(closed_with("ping timeout"));
}

TEST_F(EngineWs, AClientThatDoesNotReadIsClosed) {
    start();
    WsClient client(t->port(), direct, "", 4096);
    (void)client.next(), (void)client.next();
    client.send_text("4flood 300");
    EXPECT_TRUE(eventually([&] { return engine->sessions() == 0 || client.more(); }));
    while (client.more()) {}
    EXPECT_TRUE(eventually([&] { return engine->sessions() == 0; }));
}

TEST_F(EngineWs, PublicationsReachEveryTransport) {
    EngineOptions options{.allow_eio3 = true};
    std::vector<base::SlotKey> keys;
    engine = std::make_unique<Engine>(options, [&](EngineSession& session, const http::Request&) {
        keys.push_back(session.slot_key());
        return std::make_unique<EchoUser>(session, t->events);
    });
    serve(1);
    WsClient four(t->port(), direct);
    WsClient three(t->port(), "/socket.io/?EIO=3&transport=websocket");
    WsClient base64(t->port(), direct.data() + "&b64=1"s);
    for (WsClient* client : {&four, &three, &base64}) (void)client->next(), (void)client->next();
    Client poller(t->port());
    const std::string sid = open(poller);
    t->on(0, [&](Worker& worker) {
        const std::string text = "42[\"x\"]", bytes = "abc";
        for (const bool binary : {false, true}) {
            const hub::Message message{"", base::bytes_of(binary ? bytes : text), binary};
            hub::Publication publication{.message = message};
            for (const auto key : keys) engine->find(worker, key)->deliver(publication);
            EXPECT_EQ(publication.taken, keys.size());
        }
        EXPECT_EQ(engine->find(worker, {}), nullptr);
    });
    EXPECT_EQ(next_two(four), "text(42[\"x\"])binary(abc)");
    EXPECT_EQ(next_two(three),
              "text(42[\"x\"])binary(\x04"
              "abc)");
    EXPECT_EQ(next_two(base64), "text(42[\"x\"])text(bYWJj)");
    EXPECT_EQ(poller.request(get_request(sid)).body,
              "42[\"x\"]\x1e"
              "bYWJj");
}

TEST_F(EngineWs, AServerThatStopsClosesWith1001) {
    start();
    WsClient client(t->port(), direct);
    (void)client.next(), (void)client.next();
    std::thread stopping([&] { t->stop(false); });
    EXPECT_EQ(client.next().substr(0, 10), "close(1001");
    client.send_close(1001);
    stopping.join();
    EXPECT_EQ(t->events.text(), "open, server shutting down");
    EXPECT_EQ(engine->sessions(), 0u);
}

}  // namespace
}  // namespace starling::server::test
