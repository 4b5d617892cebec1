// Either end of a WebSocket between two nodes, when the other node breaks the protocol of the relay:
// a node with an Engine.IO server and one that sends what a test says, over a real Redis.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "server/engineio/engine_worker.h"
#include "tests/server/engineio/relay_fixture.h"

namespace starling::server::test {
namespace {

class EngineRelayWebSocketPeers : public EngineRelay {
protected:
    void start_site(EngineOptions options = {}, bool may_drop = false) {
        sites[0] = std::make_unique<EngineNode>(cluster("site"), std::move(options), 1,
                                                EngineFactory(), may_drop);
        bare = std::make_unique<BareNode>(cluster("bare"));
        ASSERT_TRUE(eventually([&] {
            return sites[0]->nodes.is_here(bare->nodes.self()) && bare->nodes.is_here(site());
        }));
        be_patient(0);
    }
    template <class F>
    void bound(F&& change) {
        sites[0]->team.on(0, [&](Worker& w) { change(w.find_part<RelayPart>()->bounds); });
    }
    // The WebSocket of this number has taken the place of polling.
    // Returns the bytes that were sent.
    uint64_t upgrade_bare(uint64_t id, std::string_view sid) {
        const size_t bytes = bare->upgrade(site(), id, ws_target(sid));
        bare->frame(site(), id, "2probe");
        bare->frame(site(), id, "5");
        EXPECT_TRUE(bare->hears(id, "3probe"));
        // What a test asks of a worker directly must not come before the "5".
        const uint64_t all = bytes + 2 * relay::frame_head_bytes + 7;
        EXPECT_TRUE(eventually([&] { return bare->credits(id).second >= all; }));
        return all;
    }
    [[nodiscard]] Nodes::Id site() const { return sites[0]->nodes.self(); }
    [[nodiscard]] bool sockets(double count) {
        return eventually([&] { return sites[0]->websockets() == count; });
    }
    // The id of a session that the bare node seems to own.
    [[nodiscard]] std::string sid_of_bare() const {
        const std::array<std::byte, 17> secret{};
        engineio::Sid sid(0, 1, engineio::SidSecret(secret).text().view());
        sid.add_node(bare->nodes.self(), node_mask(bare->nodes, sid.view()));
        return std::string(sid.view());
    }

    std::unique_ptr<BareNode> bare;
};

TEST_F(EngineRelayWebSocketPeers, EveryUpgradeIsAcceptedOrEnded) {
    start_site();
    const std::string sid = open(0);
    bare->upgrade(site(), 1, "*");
    EXPECT_TRUE(bare->hears(1, "end(1008)"));
    bare->upgrade(site(), 2, "/nowhere/?sid=" + sid);
    EXPECT_TRUE(bare->hears(2, "end(1008)"));
    bare->upgrade(site(), 3, target(sid));  // Of a polling request.
    EXPECT_TRUE(bare->hears(3, "end(1008)"));
    bare->upgrade(site(), 4, "/socket.io/?EIO=4&transport=websocket");  // Would open a session.
    EXPECT_TRUE(bare->hears(4, "end(1008)"));
    bare->upgrade(site(), 5, ws_target(sid, "EIO=3"));
    EXPECT_TRUE(bare->hears(5, "end(1008)"));
    bare->upgrade(site(), 6, ws_target(sid), 7);  // A worker that does not exist.
    EXPECT_TRUE(bare->hears(6, "end(1008)"));
    bound([](RelayBounds& b) { b.served_max = 0; });
    bare->upgrade(site(), 7, ws_target(sid));
    EXPECT_TRUE(bare->hears(7, "end(1013)"));
    bound([](RelayBounds& b) { b.served_max = 9; });
    EXPECT_TRUE(sockets(0));
    bare->upgrade(site(), 8, ws_target(sid));
    EXPECT_TRUE(eventually([&] { return bare->credits(8).first > 0; }));
    EXPECT_EQ(bare->credits(8).first, bare->credits(8).second);
    bare->upgrade(site(), 9, ws_target(sid));  // A second one of the session.
    EXPECT_TRUE(bare->hears(9, "end(1000)"));
    bare->upgrade(site(), 8, ws_target(sid));  // A number that is in use.
    bare->ask(site(), 8, "GET", target(sid));
    bare->frame(site(), 8, "2probe");
    EXPECT_TRUE(bare->hears(8, "3probe"));
    EXPECT_EQ(sites[0]->engine.sessions_opened(), 1u);
    EXPECT_EQ(bare->answers(), 0u);
}

TEST_F(EngineRelayWebSocketPeers, CreditsSayWhatArrivedAndWhatWasTaken) {
    start_site();
    const std::string sid = open(0);
    const uint64_t before = upgrade_bare(1, sid);
    const auto both = [&](uint64_t arrived, uint64_t taken) {
        return eventually([&] { return bare->credits(1) == std::pair(arrived, taken); });
    };
    EXPECT_TRUE(both(before, before)) << bare->credits(1).first;
    bare->frame(site(), 1, "4pause");
    EXPECT_TRUE(both(before + 18, before)) << bare->credits(1).first;
    bare->frame(site(), 1, "4late");
    EXPECT_TRUE(both(before + 18 + 17, before));
    EXPECT_TRUE(bare->hears(1, "3probe, 4late"));
}

TEST_F(EngineRelayWebSocketPeers, MessagesThatAreWrong) {
    start_site();
    const std::string sid = open(0), other = open(0);
    upgrade_bare(1, sid);
    upgrade_bare(2, other);
    // Of no WebSocket, and beyond what was sent. The node hears that it has none.
    bare->frame(site(), 77, "4x");
    EXPECT_TRUE(bare->hears(77, "end(1001)"));
    bare->frame(site(), 77, "4x", false);
    bare->credit(site(), 77, 1, 1);
    bare->end(site(), 77, 0);
    bare->credit(site(), 1, UINT32_MAX, UINT32_MAX);
    bare->end(site(), 1, 2);  // No such end.
    bare->frame(site(), 1, "4on");
    EXPECT_TRUE(bare->hears(1, "3probe, 4on"));
    // Text that is no UTF-8: what follows would be another message.
    bare->frame(site(), 1, "4\xff");
    EXPECT_TRUE(bare->hears(1, "3probe, 4on, end(1013)"));
    EXPECT_TRUE(events(0).wait_for("transport close"));
    bare->frame(site(), 1, "4late");
    bare->frame(site(), 2, "4fine");
    EXPECT_TRUE(bare->hears(2, "3probe, 4fine"));
    EXPECT_EQ(bare->heard(1), "3probe, 4on, end(1013)");  // It knows already.
    EXPECT_EQ(events(0).count("text(late)"), 0u);
    EXPECT_GE(sites[0]->team.group.workers[0]->counters().protocol_errors.get(), 2u);
    // Both ways to end.
    bare->end(site(), 2, 1);
    EXPECT_TRUE(events(0).wait_for("transport error"));
    EXPECT_TRUE(sockets(0));
}

// Frames beyond the bound wait at the owner, in their order, and the sessions go on.
TEST_F(EngineRelayWebSocketPeers, FramesWaitUntilTheNodeHasTakenOthers) {
    start_site();
    bound([](RelayBounds& b) { b.answers_bytes_max = 3000; });
    const std::string packet = "4" + std::string(1000, 'x');
    upgrade_bare(1, open(0));
    upgrade_bare(2, open(0));
    for (const uint64_t id : {1, 2}) bare->credit(site(), id, 18, 18);
    for (int i = 0; i < 4; ++i) bare->frame(site(), 1, packet);
    bare->frame(site(), 2, "4two");
    ASSERT_TRUE(events(0).wait_for("text(two)"));
    const std::string three = "3probe, " + packet + ", " + packet + ", " + packet;
    EXPECT_TRUE(bare->hears(1, three));
    EXPECT_EQ(bare->heard(2), "3probe");
    bare->credit(site(), 1, 1013, 0);
    EXPECT_TRUE(bare->hears(1, three + ", " + packet));
    EXPECT_EQ(bare->heard(2), "3probe");
    // Its frames may still lie in the queue of the node.
    bare->end(site(), 1, 0);
    EXPECT_TRUE(bare->hears(1, three + ", " + packet + ", end(0)"));
    EXPECT_EQ(bare->heard(2), "3probe");
    bare->tell(site(), relay::Type::taken, 1);
    EXPECT_TRUE(bare->hears(2, "3probe, 4two"));
}

// Each of those that wait has a frame in its turn, however many wait for the first one.
TEST_F(EngineRelayWebSocketPeers, FramesOfSeveralWebSocketsWaitInTurn) {
    start_site();
    bound([](RelayBounds& b) { b.answers_bytes_max = 1000; });
    const std::string packet = "4" + std::string(1000, 'x');
    for (const uint64_t id : {1, 2, 3}) upgrade_bare(id, open(0));
    for (const uint64_t id : {1, 2, 3}) bare->credit(site(), id, 18, 18);
    for (int i = 0; i < 4; ++i) bare->frame(site(), 1, packet);
    for (const uint64_t id : {2, 3}) bare->frame(site(), id, packet);
    ASSERT_TRUE(events(0).wait_for("text(" + packet.substr(1) + ")", 6));
    std::array<std::string, 4> heard;
    heard.fill("3probe");
    uint64_t last = 0;
    for (const uint64_t id : {1, 1, 2, 3, 1, 1}) {  // The first frame did not wait.
        if (last != 0) bare->credit(site(), last, 1013, 1013);
        heard[id] += ", " + packet;
        for (const uint64_t each : {1, 2, 3}) EXPECT_TRUE(bare->hears(each, heard[each])) << each;
        last = id;
    }
}

// The bytes of a WebSocket that has ended, and of a request that was abandoned, count until the owner
// has got all of them.
TEST_F(EngineRelayWebSocketPeers, BytesCountUntilTheOwnerAnswersTheEnd) {
    start_site();
    const std::string packet = "4" + std::string(3000, 'x');
    const auto bytes = [&] {
        size_t sum = 0;
        sites[0]->team.on(0, [&](Worker& w) { sum = w.find_part<RelayPart>()->asked_bytes(); });
        return sum;
    };
    WsClient client(port(0), ws_target(sid_of_bare()));
    EXPECT_EQ(client.handshake().status, 101);
    client.send_text(packet);
    ASSERT_TRUE(eventually([&] { return bytes() > 3000; }));
    client.close();
    ASSERT_TRUE(eventually([&] { return bare->last_id() != 0; }));
    const uint64_t id = bare->last_id();
    EXPECT_TRUE(bare->hears(id, "upgrade, " + packet + ", end(0)"));
    EXPECT_TRUE(sockets(0));
    EXPECT_GT(bytes(), 3000u);
    bare->end(site(), id, 0, false);
    EXPECT_TRUE(eventually([&] { return bytes() == 0; }));
    EXPECT_TRUE(eventually([&] { return bare->takens(id) == 1; }));

    Client sender(port(0));
    sender.send(post(sid_of_bare(), packet));
    ASSERT_TRUE(eventually([&] { return bytes() > 3000 && bare->last_id() != id; }));
    const uint64_t second = bare->last_id();
    sender.close();
    EXPECT_TRUE(eventually([&] { return sites[0]->pending() == 0; }));
    EXPECT_GT(bytes(), 3000u);
    bare->end(site(), second, 0, false);
    EXPECT_TRUE(eventually([&] { return bytes() == 0; }));
}

TEST_F(EngineRelayWebSocketPeers, AnOwnerThatDoesNotAnswerTheEndIsToldAgain) {
    start_site();
    bound([](RelayBounds& b) { b.tell_again_ms = 1; });
    WsClient client(port(0), ws_target(sid_of_bare()));
    EXPECT_EQ(client.handshake().status, 101);
    ASSERT_TRUE(eventually([&] { return bare->last_id() != 0; }));
    const uint64_t id = bare->last_id();
    client.close();
    EXPECT_TRUE(bare->hears(id, "upgrade, end(0), end(0)"));
    EXPECT_TRUE(eventually([&] {
        size_t sum = 0;
        sites[0]->team.on(0, [&](Worker& w) { sum = w.find_part<RelayPart>()->asked_bytes(); });
        return sum == 0;
    }));
}

// The asked node answers an end, and tells the owner that nothing follows.
TEST_F(EngineRelayWebSocketPeers, EveryEndIsAnswered) {
    start_site();
    WsClient client(port(0), ws_target(sid_of_bare()));
    ASSERT_TRUE(eventually([&] { return bare->last_id() != 0; }));
    const uint64_t id = bare->last_id();
    bare->end(site(), id, 1000, false);
    EXPECT_EQ(client.next(), "close(1000)");
    EXPECT_TRUE(bare->hears(id, "upgrade, end(0)"));
    bare->end(site(), id, 1000, false);  // It crosses the end of the node.
    EXPECT_TRUE(eventually([&] { return bare->takens(id) == 2; }));
    // An owner knows neither number.
    bare->end(site(), 78, 0);
    EXPECT_TRUE(bare->hears(78, "end(0)"));
    bare->tell(site(), relay::Type::abandon, 79);
    EXPECT_TRUE(bare->hears(79, "end(0)"));
}

// The node could not be told of the end. It hears of the end when a frame of it arrives.
TEST_F(EngineRelayWebSocketPeers, AMessageOfTheOwnerIsDropped) {
    start_site({}, true);
    for (const uint64_t id : {1, 2}) {
        const uint64_t bytes = upgrade_bare(id, open(0));
        ASSERT_TRUE(eventually([&] { return bare->credits(id).second == bytes; }));
    }
    sites[0]->outgoing.drops = true;
    bare->frame(site(), 1, "4pause");  // Only its credit is dropped.
    EXPECT_TRUE(events(0).wait_for("transport close", 2));
    EXPECT_TRUE(sockets(0));
    sites[0]->outgoing.drops = false;
    for (const uint64_t id : {1, 2}) {
        bare->frame(site(), id, "4late");
        EXPECT_TRUE(bare->hears(id, "3probe, end(1001)"));
    }
    EXPECT_EQ(events(0).count("text(late)"), 0u);
}

// The client has left, and the owner hears of it when a message can leave again.
TEST_F(EngineRelayWebSocketPeers, TheEndOfAClientIsDropped) {
    start_site({}, true);
    WsClient client(port(0), ws_target(sid_of_bare()));
    EXPECT_EQ(client.handshake().status, 101);
    ASSERT_TRUE(eventually([&] { return bare->last_id() != 0; }));
    const uint64_t id = bare->last_id();
    EXPECT_TRUE(bare->hears(id, "upgrade"));
    sites[0]->outgoing.drops = true;
    client.close();
    EXPECT_TRUE(sockets(0));
    sites[0]->outgoing.drops = false;
    EXPECT_TRUE(bare->hears(id, "upgrade, end(0)"));
}

// As at home, what was sent before the close arrives before it.
TEST_F(EngineRelayWebSocketPeers, FramesThatWaitLeaveBeforeTheClose) {
    start_site();
    bound([](RelayBounds& b) { b.answers_bytes_max = 1000; });
    const std::string packet = "4" + std::string(1000, 'x');
    for (const uint64_t id : {1, 2}) upgrade_bare(id, open(0));
    for (const uint64_t id : {1, 2}) bare->credit(site(), id, 18, 18);
    for (const uint64_t id : {1, 2}) {
        bare->frame(site(), id, packet);
        bare->frame(site(), id, "4last");
        bare->frame(site(), id, "4close");
    }
    ASSERT_TRUE(events(0).wait_for("forced close", 2));
    EXPECT_TRUE(bare->hears(1, "3probe, " + packet));
    EXPECT_EQ(bare->heard(2), "3probe");
    bare->credit(site(), 1, 1013, 1013);
    EXPECT_TRUE(bare->hears(1, "3probe, " + packet + ", 4last, end(1000)"));
    EXPECT_TRUE(bare->hears(2, "3probe, " + packet));
    bare->end(site(), 2, 0);  // The client does not wait for the rest.
    EXPECT_TRUE(bare->hears(2, "3probe, " + packet + ", end(0)"));
    EXPECT_TRUE(sockets(0));
}

TEST_F(EngineRelayWebSocketPeers, TheQueueOfASessionIsBounded) {
    EngineOptions options;
    options.send_queue_bytes_max = 5000;
    start_site(options);
    const std::string packet = "4" + std::string(2000, 'x');
    upgrade_bare(1, open(0));
    // They arrive, and the client's connection takes none of them.
    for (int i = 0; i < 3; ++i) {
        bare->frame(site(), 1, packet);
        bare->credit(site(), 1, 2013, 0);
    }
    EXPECT_TRUE(bare->hears(1, "3probe, " + packet + ", " + packet + ", end(1008)"));
    EXPECT_TRUE(events(0).wait_for("transport close"));
    EXPECT_TRUE(sockets(0));
}

TEST_F(EngineRelayWebSocketPeers, TheOtherNodeGoesAway) {
    start_site();
    upgrade_bare(1, open(0));
    ASSERT_TRUE(sockets(1));
    wait_for_away(0, 1);
    bare->stop();
    EXPECT_TRUE(events(0).wait_for("transport close"));
    EXPECT_TRUE(sockets(0));
}

TEST_F(EngineRelayWebSocketPeers, AnOwnerThatDoesNotAccept) {
    start_site();
    bound([](RelayBounds& b) { b.upgrade_ms_max = 1; });
    WsClient client(port(0), ws_target(sid_of_bare()));
    EXPECT_EQ(client.handshake().status, 101);
    EXPECT_EQ(client.next(), "close(1013)");
    ASSERT_TRUE(eventually([&] { return bare->last_id() != 0; }));
    EXPECT_TRUE(bare->hears(bare->last_id(), "upgrade, end(0)"));
    EXPECT_TRUE(sockets(0));
}

TEST_F(EngineRelayWebSocketPeers, AnOwnerThatBreaksTheProtocol) {
    start_site();
    WsClient client(port(0), ws_target(sid_of_bare()));
    ASSERT_TRUE(eventually([&] { return bare->last_id() != 0; }));
    const uint64_t id = bare->last_id();
    bare->end(site(), id, 1005, false);  // No close code.
    bare->frame(site(), id, "3probe", false);
    EXPECT_EQ(client.next(), "text(3probe)");
    EXPECT_TRUE(
        eventually([&] { return bare->credits(id) == std::pair<uint64_t, uint64_t>(18, 18); }));
    bare->frame(site(), id, "\xff", false);
    EXPECT_EQ(client.next(), "close(1013)");
    EXPECT_TRUE(bare->hears(id, "upgrade, end(0)"));
    // And one that ends it.
    WsClient second(port(0), ws_target(sid_of_bare()));
    ASSERT_TRUE(eventually([&] { return bare->last_id() != id; }));
    bare->end(site(), bare->last_id(), 1008, false);
    EXPECT_EQ(second.next(), "close(1008)");
    EXPECT_TRUE(sockets(0));
}

// The owner was not told that the answer has arrived: it hears of the end again, and then of that.
TEST_F(EngineRelayWebSocketPeers, AnArrivalThatCouldNotBeToldIsToldAgain) {
    start_site({}, true);
    bound([](RelayBounds& b) { b.tell_again_ms = 1; });
    Client poller(port(0));
    poller.send(get(sid_of_bare()));
    ASSERT_TRUE(eventually([&] { return bare->last_id() != 0; }));
    const uint64_t id = bare->last_id();
    sites[0]->outgoing.drops = true;
    bare->send(site(), relay::encode({.type = relay::Type::answer, .worker = 0, .id = id},
                                     relay::Answer{.status = 200, .fields = {}, .body = "6"}));
    EXPECT_EQ(poller.answer().body, "6");
    EXPECT_EQ(bare->takens(id), 0u);
    bound([](RelayBounds& b) { b.tell_again_ms = long_ms; });  // Told again, it is not given up.
    sites[0]->outgoing.drops = false;
    EXPECT_TRUE(eventually([&] { return bare->heard(id).ends_with("end(0)"); }));
    bare->end(site(), id, 0, false);
    EXPECT_TRUE(eventually([&] { return bare->takens(id) == 1; }));
}

// Too much waited for the worker of a message between nodes.
TEST_F(EngineRelayWebSocketPeers, WhatAWorkerDidNotGetEnds) {
    start_site();
    const auto part = [&](auto&& call) {
        sites[0]->team.on(0, [&](Worker& w) { call(*w.find_part<RelayPart>()); });
    };
    upgrade_bare(77, open(0));
    part([&](RelayPart& p) { p.frame_dropped(bare->nodes.self(), 77, true); });
    EXPECT_TRUE(bare->hears(77, "3probe, end(1013)"));
    EXPECT_TRUE(events(0).wait_for("transport close"));

    WsClient client(port(0), ws_target(sid_of_bare()));
    ASSERT_TRUE(bare->hears(1, "upgrade"));  // The first number of this node.
    part([&](RelayPart& p) { p.frame_dropped(bare->nodes.self(), 1, false); });
    EXPECT_EQ(client.next(), "close(1013)");
    EXPECT_TRUE(bare->hears(1, "upgrade, end(0)"));

    Client poller(port(0));
    poller.send(get(sid_of_bare()));
    ASSERT_TRUE(eventually([&] { return bare->last_id() == 2; }));
    part([&](RelayPart& p) { p.answer_dropped(2); });
    EXPECT_EQ(poller.answer().status, 503);
    EXPECT_TRUE(eventually([&] { return bare->takens(2) == 1; }));
    EXPECT_EQ(sites[0]->pending(), 0);
}

// Clients of other nodes have no connection here: their sessions end one after the other all the same.
TEST_F(EngineRelayWebSocketPeers, AStopAndADrainSpreadTheEndsOfRelayedSessions) {
    for (const bool drains : {true, false}) {
        start_site();
        constexpr uint64_t count = 20;
        for (uint64_t id = 1; id <= count; ++id) {
            const std::string sid = open(0);
            if (id % 2 == 0)
                upgrade_bare(id, sid);
            else
                bare->ask(site(), id, "GET", target(sid));
        }
        ASSERT_TRUE(sockets(count / 2));
        ASSERT_TRUE(eventually([&] { return sites[0]->pending() == count / 2; }));
        Engine& engine = sites[0]->engine;
        if (drains) {
            WorkerGroup& group = sites[0]->team.group;
            group.drain_ends_ms = steady_ms() + long_ms;
            group.drain = DrainPhase::closing;
            EXPECT_TRUE(eventually([&] { return engine.sessions() < count; }));
            EXPECT_EQ(engine.sessions(), count - 1);
        } else {
            size_t left = 0;
            sites[0]->team.on(0, [&](Worker& w) {
                engine.server_stops(w);
                left = engine.sessions();
            });
            EXPECT_EQ(left, count - 1);
        }
        sites[0]->team.stop(false);
        EXPECT_EQ(engine.sessions(), 0u);
        EXPECT_EQ(events(0).count("server shutting down"), count);
        for (uint64_t id = 1; id <= count; ++id)
            if (id % 2 == 0)
                EXPECT_TRUE(bare->hears(id, "3probe, end(1001)"));
            else
                EXPECT_NE(bare->answer(id), "");
        sites[0].reset();
        bare.reset();
    }
}

}  // namespace
}  // namespace starling::server::test
