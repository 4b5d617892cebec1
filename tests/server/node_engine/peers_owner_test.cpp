// Sessions of this node that clients use at a program of another kind, and the ends of both.
#include "tests/server/node_engine/peers_fixture.h"

namespace starling::server::test {
namespace {

// ---- the owner ----------------------------------------------------------------------------------

TEST_F(Peers, LendsItsSessions) {
    begin();
    Client client(t->port());
    const std::string own = open(client);
    EXPECT_EQ(own.size(), 20u);
    tell(lock(foreign_sid.data(), Carrier::polling, Access::read));
    EXPECT_EQ(bus.sent.text(), "");  // Another node's.
    tell(lock(own, Carrier::polling, Access::read));
    ASSERT_TRUE(bus.sent.wait_for("granted"));
    tell(lock(own, Carrier::polling, Access::read), "third");
    EXPECT_TRUE(bus.sent.wait_for("denied"));
    tell(packet(own, "hello"));
    ASSERT_TRUE(bus.sent.wait_for("drain 4hello"));
    EXPECT_EQ(bus.last(Type::drain).recipient, "peer");
    tell(lock(own, Carrier::other, Access::read));
    EXPECT_TRUE(bus.sent.wait_for("denied", 2));
    tell({.type = Type::close, .recipient = "me", .sid = own, .reason = "transport close"});
    EXPECT_TRUE(closed_with("transport close"));
}

TEST_F(Peers, APollWhoseNodeIsGone) {
    begin();
    Client client(t->port());
    const std::string own = open(client);
    tell(lock(own, Carrier::polling, Access::read));
    ASSERT_TRUE(bus.sent.wait_for("granted"));
    bus.reach = PeerReach::nobody;
    tell(packet(own, "hello"));
    EXPECT_TRUE(closed_with("transport error"));
}

TEST_F(Peers, AWebSocketAtAnotherNode) {
    begin();
    Client client(t->port());
    const std::string own = open(client);
    tell(lock(own, Carrier::websocket, Access::read));
    ASSERT_TRUE(bus.sent.wait_for("granted"));
    tell(lock(own, Carrier::websocket, Access::read), "third");
    EXPECT_TRUE(bus.sent.wait_for("denied"));
    Message upgrade{.type = Type::upgrade, .recipient = "me", .request = 3, .sid = own};
    upgrade.success = true;
    tell(upgrade, "third");
    EXPECT_EQ(bus.sent.count("stays"), 0u);
    tell(upgrade);
    ASSERT_TRUE(bus.sent.wait_for("stays"));
    EXPECT_EQ(bus.last(Type::upgrade_answer).request, 3u);
    // What one tick sends is one message; a stranger's packet is none of the session's.
    tell(packet(own, "forged"), "third");
    t->on(0, [&](Worker&) {
        for (const char* text : {"one", "two"}) {
            Message message = packet(own, text);
            message.sender = "peer";
            bus.part->on_message(message);
        }
    });
    ASSERT_TRUE(bus.sent.wait_for("drain 4one 4two"));
    EXPECT_EQ(t->events.count("text(forged)"), 0u);
    tell(lock(own, Carrier::polling, Access::read));
    EXPECT_TRUE(bus.sent.wait_for("denied", 2));
    tell(packet(own, "close"));
    EXPECT_TRUE(bus.sent.wait_for("drain 1"));
    EXPECT_TRUE(closed_with("forced close"));
    EXPECT_TRUE(eventually([&] { return figure("starling_node_engine_open") == 0; }));
}

TEST_F(Peers, AnUpgradeThatIsBrokenOffMayBeTriedAgain) {
    begin();
    Client client(t->port());
    const std::string own = open(client);
    for (size_t times : {1, 2}) {
        tell(lock(own, Carrier::websocket, Access::read));
        ASSERT_TRUE(bus.sent.wait_for("granted", times));
        tell({.type = Type::upgrade, .recipient = "me", .request = 3, .sid = own});
    }
    EXPECT_EQ(bus.sent.count("denied"), 0u);
    EXPECT_EQ(engine->sessions(), 1u);
}

TEST_F(Peers, AWebSocketWhoseNodeIsGone) {
    begin();
    Client client(t->port());
    const std::string own = open(client);
    tell(lock(own, Carrier::websocket, Access::read));
    Message upgrade{.type = Type::upgrade, .recipient = "me", .request = 3, .sid = own};
    upgrade.success = true;
    tell(upgrade);
    ASSERT_TRUE(bus.sent.wait_for("stays"));
    bus.reach = PeerReach::nobody;
    tell(packet(own, "hello"));
    EXPECT_TRUE(closed_with("transport close"));
}

TEST_F(Peers, AClientThatDoesNotTakeItsPackets) {
    begin({.send_queue_bytes_max = 150'000});
    Client client(t->port());
    const std::string own = open(client);
    tell(lock(own, Carrier::websocket, Access::read));
    Message upgrade{.type = Type::upgrade, .recipient = "me", .request = 3, .sid = own};
    upgrade.success = true;
    tell(upgrade);
    bus.holds = true;
    tell(packet(own, "flood 3"));
    EXPECT_TRUE(closed_with("transport close"));
}

// ---- both ---------------------------------------------------------------------------------------

TEST_F(Peers, RedisIsLost) {
    begin();
    Client opener(t->port()), other(t->port());
    const std::string polls = open(opener), upgraded = open(other);
    tell(lock(polls, Carrier::polling, Access::read));
    tell(lock(upgraded, Carrier::websocket, Access::read));
    Message upgrade_message{
        .type = Type::upgrade, .recipient = "me", .request = 3, .sid = upgraded};
    upgrade_message.success = true;
    tell(upgrade_message);
    ASSERT_TRUE(bus.sent.wait_for("stays"));
    WsClient socket(t->port(), websocket_of("BBBBBBBBBBBBBBBBBBBB"));
    upgrade(socket);
    grant(Type::upgrade_answer);
    Client client(t->port());
    client.send(get_request(sid));
    ASSERT_TRUE(bus.sent.wait_for("polling read"));
    grant();
    bus.connected = false;
    t->on(0, [&](Worker&) { bus.part->connection_lost(); });
    EXPECT_EQ(client.answer().status, 503);
    EXPECT_EQ(socket.next(), "close(1001)");
    EXPECT_TRUE(closed_with("transport error"));
    EXPECT_TRUE(closed_with("transport close"));
    EXPECT_EQ(engine->sessions(), 0u);
}

TEST_F(Peers, TheServerStopsWithEverythingUnderWay) {
    begin();
    Client opener(t->port());
    const std::string own = open(opener);
    tell(lock(own, Carrier::websocket, Access::read));
    WsClient socket(t->port(), websocket_of("BBBBBBBBBBBBBBBBBBBB"));
    upgrade(socket);
    Client client(t->port());
    client.send(get_request(sid));
    ASSERT_TRUE(bus.sent.wait_for("polling read"));
    grant();
    t->stop(true);
    EXPECT_EQ(engine->sessions(), 0u);
}

}  // namespace
}  // namespace starling::server::test
