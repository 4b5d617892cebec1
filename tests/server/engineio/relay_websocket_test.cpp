// WebSockets that reach another node than the one that owns their session: two servers over a real
// Redis.
#include <gtest/gtest.h>

#include <string>

#include "tests/server/engineio/relay_fixture.h"

namespace starling::server::test {
namespace {

class EngineRelayWebSocket : public EngineRelay {
protected:
    [[nodiscard]] bool all_ended() {
        return eventually([&] { return sites[0]->websockets() + sites[1]->websockets() == 0; });
    }
};

TEST_F(EngineRelayWebSocket, UpgradesFromEveryWorker) {
    start();
    for (const size_t home : {0, 1})
        for (const size_t worker : {0, 1}) {
            const std::string sid = open(home, worker);
            Client poll(port(1 - home, 1));
            poll.send(get(sid));
            ASSERT_TRUE(eventually([&] { return sites[home]->pending() == 1; }));
            WsClient client(port(1 - home, 0), ws_target(sid));
            ASSERT_EQ(client.handshake().status, 101) << client.handshake().body;
            client.send_text("2probe");
            EXPECT_EQ(client.next(), "text(3probe)");
            EXPECT_EQ(poll.answer().body, "6");
            client.send_text("5");
            for (const std::string_view text : {"4one", "4two", "4three"}) client.send_text(text);
            EXPECT_EQ(client.next(), "text(4one)");
            EXPECT_EQ(client.next(), "text(4two)");
            EXPECT_EQ(client.next(), "text(4three)");
            client.send(masked_frame(ws::Opcode::binary, std::string("\0\xff\x01", 3)));
            EXPECT_EQ(client.next(), "binary(" + std::string("\0\xff\x01", 3) + ")");
            const std::string large = "4" + std::string(300'000, 'x');
            client.send_text(large);
            EXPECT_EQ(client.message(), large);
            EXPECT_EQ(sites[home]->websockets() + sites[1 - home]->websockets(), 2);
            // It is a client of its owner alone.
            EXPECT_EQ(sites[home]->figure("starling_socketio_sessions"), 1);
            EXPECT_EQ(sites[1 - home]->figure("starling_socketio_sessions"), 0);
            client.send_close(1000);
            EXPECT_EQ(client.next(), "close(1000)");
            EXPECT_TRUE(events(home).wait_for("transport close", worker + 1));
            EXPECT_TRUE(all_ended());
        }
}

TEST_F(EngineRelayWebSocket, WhatWaitedForAPollComesAfterTheUpgrade) {
    start();
    const std::string sid = open(0);
    Client sender(port(1));
    EXPECT_EQ(sender
                  .request(post(sid,
                                "4before\x1e"
                                "bAQID"))
                  .body,
              "ok");
    WsClient client(port(1, 1), ws_target(sid));
    upgrade(client);
    EXPECT_EQ(client.next(), "text(4before)");
    EXPECT_EQ(client.next(), "binary(\x01\x02\x03)");
}

TEST_F(EngineRelayWebSocket, TheOldRevision) {
    start({.allow_eio3 = true});
    const std::string sid = open(0, 0, "EIO=3");
    WsClient client(port(1), ws_target(sid, "EIO=3"));
    upgrade(client);
    client.send_text("2");  // The client pings.
    EXPECT_EQ(client.next(), "text(3)");
    client.send(masked_frame(ws::Opcode::binary, "\x04\x01"));
    EXPECT_EQ(client.next(), "binary(\x04\x01)");
}

TEST_F(EngineRelayWebSocket, TheOwnerPings) {
    EngineOptions options;
    options.ping_interval = std::chrono::milliseconds(300);
    options.ping_timeout = std::chrono::seconds(3);
    start(options);
    const std::string sid = open(0);
    WsClient client(port(1), ws_target(sid));
    upgrade(client);
    EXPECT_EQ(client.next(), "text(2)");
    client.send_text("3");
    EXPECT_EQ(client.next(), "text(2)");
    EXPECT_EQ(client.next(), "close(1000)");  // The client has not answered.
    EXPECT_TRUE(events(0).wait_for("ping timeout"));
    EXPECT_TRUE(all_ended());
}

TEST_F(EngineRelayWebSocket, TheSessionCloses) {
    start();
    const std::string sid = open(0);
    WsClient client(port(1), ws_target(sid));
    upgrade(client);
    client.send_text("4last");
    client.send_text("4close");
    EXPECT_EQ(client.next(), "text(4last)");
    EXPECT_EQ(client.next(), "close(1000)");
    EXPECT_TRUE(events(0).wait_for("forced close"));
    EXPECT_TRUE(all_ended());
    // The id of a session that has ended.
    WsClient late(port(1), ws_target(sid));
    EXPECT_EQ(late.next(), "close(1008)");
    EXPECT_TRUE(all_ended());
}

TEST_F(EngineRelayWebSocket, AProbeThatFailsAndAnother) {
    start();
    const std::string sid = open(0);
    Client poll(port(1));
    {
        WsClient client(port(1), ws_target(sid));
        client.send_text("2probe");
        EXPECT_EQ(client.next(), "text(3probe)");
        // A second WebSocket of the session, at either node, is closed.
        WsClient second(port(1, 1), ws_target(sid)), home(port(0), ws_target(sid));
        EXPECT_EQ(second.next(), "close(1000)");
        EXPECT_EQ(home.next(), "close(1000)");
    }
    EXPECT_TRUE(all_ended());
    EXPECT_EQ(poll.request(post(sid, "4on")).body, "ok");  // The session goes on.
    EXPECT_EQ(poll.request(get(sid)).body, "4on");
    WsClient again(port(1), ws_target(sid));
    upgrade(again);
    again.send_text("4upgraded");
    EXPECT_EQ(again.next(), "text(4upgraded)");
    EXPECT_EQ(poll.request(get(sid)).status, 400);
}

TEST_F(EngineRelayWebSocket, FaultsOfTheClient) {
    start();
    std::string sid = open(0);
    WsClient wrong(port(1), ws_target(sid));
    upgrade(wrong);
    wrong.send_text("x");  // No packet.
    EXPECT_EQ(wrong.next(), "close(1000)");
    EXPECT_TRUE(events(0).wait_for("parse error"));
    sid = open(0);
    WsClient unmasked(port(1), ws_target(sid));
    upgrade(unmasked);
    unmasked.send("\x81\x01x");  // No frame of a client.
    EXPECT_EQ(unmasked.next().substr(0, 11), "close(1002 ");
    EXPECT_TRUE(events(0).wait_for("transport error"));
    EXPECT_TRUE(all_ended());
}

TEST_F(EngineRelayWebSocket, TheOwnerStops) {
    start();
    const std::string sid = open(0);
    WsClient client(port(1), ws_target(sid));
    upgrade(client);
    client.send_text("4hi");
    EXPECT_EQ(client.next(), "text(4hi)");
    wait_for_away(1, 1);
    sites[0]->stop();
    EXPECT_TRUE(events(0).wait_for("server shutting down"));
    EXPECT_EQ(client.next(), "close(1001)");
    EXPECT_TRUE(eventually([&] { return sites[1]->websockets() == 0; }));
}

TEST_F(EngineRelayWebSocket, TheNodeThatWasAskedStops) {
    start();
    const std::string sid = open(0);
    WsClient client(port(1), ws_target(sid));
    upgrade(client);
    client.send_text("4hi");
    EXPECT_EQ(client.next(), "text(4hi)");
    sites[1]->team.stop(false);
    EXPECT_EQ(client.next(), "close(1001 the server is stopping)");
    EXPECT_TRUE(events(0).wait_for("transport close"));
    EXPECT_TRUE(eventually([&] { return sites[0]->websockets() == 0; }));
}

// Lost messages, seen by one of the two nodes: the other one hears of it.
TEST_F(EngineRelayWebSocket, AGapEndsBothSides) {
    start();
    for (const size_t lossy : {0, 1}) {
        const std::string sid = open(0);
        WsClient client(port(1), ws_target(sid));
        upgrade(client);
        client.send_text("4hi");
        EXPECT_EQ(client.next(), "text(4hi)");
        for (size_t i = 0; i < 2; ++i)
            sites[lossy]->team.on(i, [&](Worker& worker) {
                worker.find_part<RelayPart>()->node_lost(sites[1 - lossy]->nodes.self());
            });
        EXPECT_EQ(client.next(), "close(1001)");
        EXPECT_TRUE(events(0).wait_for("transport close", lossy + 1));
        EXPECT_TRUE(all_ended());
    }
}

// What a paused session has not taken stays with the client, but for the window.
TEST_F(EngineRelayWebSocket, APausedSessionHoldsItsClient) {
    start({}, 1);
    sites[1]->team.on(0,
                      [](Worker& w) { w.find_part<RelayPart>()->bounds.untaken_bytes_max = 1000; });
    const std::string sid = open(0);
    WsClient client(port(1), ws_target(sid));
    upgrade(client);
    client.send_text("4nap");
    std::vector<std::string> texts;
    for (int i = 0; i < 10; ++i) {
        texts.push_back("4" + std::to_string(i) + std::string(600, 'x'));
        client.send_text(texts.back());
    }
    for (const std::string& text : texts) EXPECT_EQ(client.next(), "text(" + text + ")");
    const std::string all = events(0).text();
    const size_t resumed = all.find("resume");
    ASSERT_NE(resumed, std::string::npos);
    size_t before = 0;
    for (const std::string& text : texts)
        before += all.find("text(" + text.substr(1) + ")") < resumed;
    EXPECT_LE(before, 2u);
}

// A client that does not read ends at the limit of its session's queue.
TEST_F(EngineRelayWebSocket, AClientThatDoesNotRead) {
    EngineOptions options;
    options.send_queue_bytes_max = 300'000;
    start(options, 1);
    const std::string sid = open(0), other = open(0);
    WsClient reads(port(1), ws_target(other));
    upgrade(reads);
    WsClient client(port(1), ws_target(sid), "", 4096);
    upgrade(client);
    for (int i = 0; i < 400 && events(0).count("transport close") == 0; ++i) {
        client.send_text("4" + std::string(100'000, 'x'));
        reads.send_text("4on");
        EXPECT_EQ(reads.next(), "text(4on)");
    }
    EXPECT_TRUE(events(0).wait_for("transport close"));
    EXPECT_TRUE(eventually([&] { return sites[0]->websockets() == 1; }));
    reads.send_text("4flood 2");
    EXPECT_EQ(reads.message().size(), 100'001u);
    EXPECT_EQ(reads.message().size(), 100'001u);
}

TEST_F(EngineRelayWebSocket, CompressionIsOfTheClientsConnection) {
    EngineOptions options;
    options.per_message_deflate = ws::Compression{.enabled = true, .threshold_bytes = 100};
    start(options);
    const std::string sid = open(0);
    WsClient client(port(1), ws_target(sid),
                    "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; "
                    "server_no_context_takeover\r\n");
    upgrade(client);
    const std::string text = "4" + std::string(5000, 'x');
    client.send_text(text);
    const Frame echo = client.frame();
    EXPECT_TRUE(echo.rsv1);
    EXPECT_LT(echo.payload.size(), 500u);
}

TEST_F(EngineRelayWebSocket, RedisIsAwayForAMoment) {
    start();
    const std::string sid = open(0);
    WsClient client(port(1), ws_target(sid));
    upgrade(client);
    client.send_text("4hi");
    EXPECT_EQ(client.next(), "text(4hi)");
    redis.kill();
    ASSERT_TRUE(eventually([&] { return !sites[1]->nodes.is_linked(); }));
    for (int i = 0; i < 20; ++i) client.send_text("4" + std::to_string(i));
    redis.start();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(client.next(), "text(4" + std::to_string(i) + ")");
}

// The field of a proxy says who the client is.
std::string from(std::string_view address) {
    return "X-Forwarded-For: " + std::string(address) + "\r\n";
}

TEST_F(EngineRelayWebSocket, WebSocketsOfAClientAreARequestEach) {
    start({}, 1);
    sites[1]->team.on(0, [](Worker& w) { w.find_part<RelayPart>()->bounds.asked_max = 8; });
    const std::string fields = from("203.0.113.1");
    WsClient first(port(1), ws_target(open(0)), fields),
        second(port(1), ws_target(open(0)), fields);
    upgrade(first);
    upgrade(second);
    const std::string sid = open(0);
    WsClient third(port(1), ws_target(sid), fields);
    EXPECT_EQ(third.handshake().status, 429);
    EXPECT_TRUE(third.handshake().has("Retry-After: 1"));
    WsClient other(port(1), ws_target(sid), from("203.0.113.2"));
    upgrade(other);
    first.close();
    ASSERT_TRUE(eventually([&] { return sites[1]->websockets() == 2; }));
    WsClient fourth(port(1), ws_target(open(0)), fields);
    upgrade(fourth);
}

TEST_F(EngineRelayWebSocket, AClientHasAQuarterOfTheBytes) {
    start({}, 1);
    sites[1]->team.on(0,
                      [](Worker& w) { w.find_part<RelayPart>()->bounds.asked_bytes_max = 16'000; });
    const std::string fields = from("203.0.113.1"), text = "4" + std::string(3000, 'x');
    WsClient first(port(1), ws_target(open(0)), fields),
        second(port(1), ws_target(open(0)), fields), third(port(1), ws_target(open(0)), fields),
        other(port(1), ws_target(open(0)), from("203.0.113.2"));
    for (WsClient* const client : {&first, &second, &third, &other}) {
        upgrade(*client);
        client->send_text("4hi");
        EXPECT_EQ(client->next(), "text(4hi)");
    }
    // What Redis does not take yet is not at the owner.
    redis.kill();
    ASSERT_TRUE(eventually([&] { return !sites[1]->nodes.is_linked(); }));
    first.send_text(text);
    ASSERT_TRUE(eventually([&] {
        size_t bytes = 0;
        sites[1]->team.on(0, [&](Worker& w) { bytes = w.find_part<RelayPart>()->asked_bytes(); });
        return bytes > 3000;
    }));
    second.send_text(text);
    EXPECT_EQ(second.next(), "close(1013)");
    const std::string small = "4" + std::string(990, 'x');  // Fits no quarter, and leaves.
    third.send_text(small);
    other.send_text(text);  // Another client goes on.
    redis.start();
    EXPECT_EQ(first.next(), "text(" + text + ")");
    EXPECT_EQ(third.next(), "text(" + small + ")");
    EXPECT_EQ(other.next(), "text(" + text + ")");
    EXPECT_TRUE(events(0).wait_for("transport close"));
    // The frames have arrived, and their bytes are free again.
    first.send_text(text);
    EXPECT_EQ(first.next(), "text(" + text + ")");
    first.send_text("4" + std::string(20'000, 'x'));
    EXPECT_EQ(first.next(), "close(1009)");
}

}  // namespace
}  // namespace starling::server::test
