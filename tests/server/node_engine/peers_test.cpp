// Sessions that are shared with Node.js, with other nodes whose messages the tests write: what one
// side cannot see of the other, limits, losses, and grants that come too late.
#include "tests/server/node_engine/peers_fixture.h"

namespace starling::server::test {
namespace {

// ---- the node that was asked --------------------------------------------------------------------

TEST_F(Peers, APollTakesPacketsOfItsOwnerAlone) {
    begin();
    Client client(t->port());
    client.send(get_request(sid));
    ASSERT_TRUE(bus.sent.wait_for("polling read"));
    tell(drain(sid, {{engineio::Type::message, false, "early"}}));
    grant();
    tell(drain(sid, {{engineio::Type::message, false, "forged"}}), "stranger");
    tell(drain("BBBBBBBBBBBBBBBBBBBB", {{engineio::Type::message, false, "other"}}));
    tell(drain(sid, {{engineio::Type::message, false, "hello"},
                     {engineio::Type::message, true, "\x01\x02"}}));
    EXPECT_EQ(client.answer().body,
              "4hello\x1e"
              "bAQI=");
    EXPECT_EQ(figure("starling_node_engine_open"), 0);
}

TEST_F(Peers, APollThatNobodyAnswersEndsAndALateGrantIsGivenBack) {
    bus.own_settings.answer_ms_max = 10;
    begin();
    Client client(t->port());
    client.send(get_request(sid));
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.body, unknown_session);
    grant();
    EXPECT_TRUE(bus.sent.wait_for("close transport error"));
    EXPECT_EQ(bus.last(Type::close).recipient, "peer");
}

TEST_F(Peers, NobodyHearsTheQuestion) {
    begin();
    bus.reach = PeerReach::nobody;
    Client client(t->port());
    EXPECT_EQ(client.get(target(sid)).body, unknown_session);
    WsClient socket(t->port(), websocket_of(sid));
    EXPECT_EQ(socket.next(), "close(1008)");
}

TEST_F(Peers, RedisDoesNotTakeTheQuestion) {
    begin();
    bus.reach = PeerReach::lost;
    Client client(t->port());
    EXPECT_EQ(client.get(target(sid)).status, 503);
    bus.refuses = true;
    EXPECT_EQ(client.get(target(sid)).status, 503);
    bus.connected = false;
    EXPECT_EQ(client.get(target(sid)).status, 503);
    EXPECT_EQ(WsClient(t->port(), websocket_of(sid)).handshake().status, 503);
}

TEST_F(Peers, OnlyIdsThatAProgramCanHaveAreAskedFor) {
    begin();
    Client client(t->port());
    for (const std::string_view id : {"AAAA", "AAAAAAAAAAAAAAAAAAA.", "AAAAAAAAAAAAAAAAAAAAA"})
        EXPECT_EQ(client.get(target(id)).body, unknown_session) << id;
    EXPECT_NE(client.get(target(sid, "EIO=3")).status, 200);
    EXPECT_EQ(bus.sent.text(), "");
}

TEST_F(Peers, APostIsAnsweredWhenItsPacketsHaveArrived) {
    begin();
    bus.holds = true;
    Client client(t->port());
    client.send(post_request(sid,
                             "4one\x1e"
                             "4two"));
    ASSERT_TRUE(bus.sent.wait_for("polling write"));
    grant();
    ASSERT_TRUE(bus.sent.wait_for("packet 4two"));
    EXPECT_EQ(bus.sent.count("packet 4one"), 1u);
    bus.confirm_all();
    EXPECT_EQ(client.answer().body, "ok");
}

TEST_F(Peers, APostWhoseOwnerIsGone) {
    begin();
    Client client(t->port());
    client.send(post_request(sid, "4one"));
    ASSERT_TRUE(bus.sent.wait_for("polling write"));
    bus.reach = PeerReach::nobody;
    grant();
    EXPECT_EQ(client.answer().body, unknown_session);
}

TEST_F(Peers, APostWithAFaultAndOneThatCloses) {
    begin();
    Client client(t->port());
    client.send(post_request(sid,
                             "4one\x1e"
                             "x"));
    ASSERT_TRUE(bus.sent.wait_for("polling write"));
    grant();
    EXPECT_EQ(client.answer().status, 400);
    EXPECT_TRUE(bus.sent.wait_for("close parse error"));
    client.send(post_request(sid,
                             "4two\x1e"
                             "1\x1e"
                             "4three"));
    ASSERT_TRUE(bus.sent.wait_for("polling write", 2));
    grant();
    EXPECT_EQ(client.answer().body, "ok");
    EXPECT_TRUE(bus.sent.wait_for("close transport close"));
    EXPECT_EQ(bus.sent.count("packet 4three"), 0u);
}

TEST_F(Peers, Limits) {
    begin();
    t->on(0, [&](Worker&) { bus.part->bounds.body_bytes_max = 4; });
    Client client(t->port());
    client.send(post_request(sid, "41234"));
    EXPECT_EQ(client.answer().status, 413);
    t->on(0, [&](Worker&) { bus.part->bounds.questions_max = 1; });
    Client waiting(t->port());
    waiting.send(get_request(sid));
    ASSERT_TRUE(bus.sent.wait_for("polling read"));
    EXPECT_EQ(client.get(target("BBBBBBBBBBBBBBBBBBBB")).status, 429);
    grant();  // It is no question any more.
    // A client may not poll again before it has the answer.
    EXPECT_EQ(client.get(target(sid)).status, 400);
    t->on(0, [&](Worker&) { bus.part->bounds.asked_max = 1; });
    EXPECT_EQ(client.get(target("BBBBBBBBBBBBBBBBBBBB")).status, 429);
    tell(drain(sid, {}));
    EXPECT_EQ(waiting.answer().body, "6");
}

TEST_F(Peers, TheClientOfAPollLeaves) {
    begin();
    {
        Client client(t->port());
        client.send(get_request(sid));
        ASSERT_TRUE(bus.sent.wait_for("polling read"));
        grant();
    }
    EXPECT_TRUE(bus.sent.wait_for("close transport error"));
}

TEST_F(Peers, AWebSocketThatStaysWithItsOwner) {
    begin();
    WsClient client(t->port(), websocket_of(sid));
    upgrade(client);
    client.send_text("4early");
    grant(Type::upgrade_answer);
    ASSERT_TRUE(bus.sent.wait_for("packet 4early"));
    client.send_text("4later");
    EXPECT_TRUE(bus.sent.wait_for("packet 4later"));
    tell(drain(sid, {{engineio::Type::message, false, "forged"}}), "stranger");
    tell(drain(sid, {{engineio::Type::ping, false, {}},
                     {engineio::Type::message, false, "hello"},
                     {engineio::Type::close, false, {}}}));
    EXPECT_EQ(client.next(), "text(2)");
    EXPECT_EQ(client.next(), "text(4hello)");
    EXPECT_EQ(client.next(), "close(1000)");
}

TEST_F(Peers, AWebSocketThatIsRefusedOrBrokenOff) {
    begin();
    WsClient refused(t->port(), websocket_of(sid));
    ASSERT_TRUE(bus.sent.wait_for("websocket read"));
    grant(Type::lock_answer, false);
    EXPECT_EQ(refused.next(), "close(1008)");
    WsClient broken(t->port(), websocket_of(sid));
    ASSERT_TRUE(bus.sent.wait_for("websocket read", 2));
    grant();
    broken.send_text("4no probe");
    EXPECT_EQ(broken.next(), "close(1008)");
    EXPECT_TRUE(bus.sent.wait_for("no upgrade"));
}

TEST_F(Peers, AWebSocketWhoseOwnerDoesNotAnswerTheUpgrade) {
    begin({.upgrade_timeout = std::chrono::seconds(3)});
    WsClient client(t->port(), websocket_of(sid));
    upgrade(client);
    EXPECT_EQ(client.next(), "close(1001)");
    EXPECT_TRUE(bus.sent.wait_for("close transport close"));
}

TEST_F(Peers, AClientIsNotReadWhileRedisDoesNotTakeItsFrames) {
    begin();
    t->on(0, [&](Worker&) { bus.part->bounds.untaken_bytes_max = 1; });
    WsClient client(t->port(), websocket_of(sid));
    upgrade(client);
    grant(Type::upgrade_answer);
    bus.holds = true;
    client.send_text("4one");
    client.send_text("4two");
    ASSERT_TRUE(bus.sent.wait_for("packet 4one"));
    t->on(0, [](Worker&) {});  // What had arrived was handled.
    EXPECT_EQ(bus.sent.count("packet 4two"), 0u);
    bus.holds = false;
    bus.confirm_all();
    EXPECT_TRUE(bus.sent.wait_for("packet 4two"));
}

TEST_F(Peers, AWebSocketWhoseOwnerIsGone) {
    begin();
    WsClient client(t->port(), websocket_of(sid));
    upgrade(client);
    grant(Type::upgrade_answer);
    bus.reach = PeerReach::nobody;
    client.send_text("4hello");
    EXPECT_EQ(client.next(), "close(1001)");
}

TEST_F(Peers, ASessionMovesHere) {
    begin();
    WsClient client(t->port(), websocket_of(sid));
    upgrade(client);
    client.send_text("4third");
    Message answer{.type = Type::upgrade_answer,
                   .recipient = "me",
                   .request = bus.last(Type::upgrade).request};
    answer.take_over = true;
    answer.packets = {{engineio::Type::message, false, "first"},
                      {engineio::Type::message, false, "second"}};
    tell(answer, "stranger");
    EXPECT_EQ(engine->sessions(), 0u);
    tell(answer);
    for (const char* text : {"welcome", "first", "second", "third"})
        EXPECT_EQ(client.next(), "text(4" + std::string(text) + ")");
    EXPECT_EQ(engine->sessions(), 1u);
    client.send_close(1000);
    EXPECT_TRUE(closed_with("transport close"));
    EXPECT_EQ(bus.sent.count("close transport close"), 0u);
}

TEST_F(Peers, ASessionThatMayNotMoveHere) {
    begin({.allow_request = [](const http::Request&) { return std::optional<std::string>("no"); }});
    WsClient client(t->port(), websocket_of(sid));
    upgrade(client);
    Message answer{.type = Type::upgrade_answer,
                   .recipient = "me",
                   .request = bus.last(Type::upgrade).request};
    answer.take_over = true;
    tell(answer);
    EXPECT_EQ(client.next(), "close(1008)");
    EXPECT_EQ(engine->sessions(), 0u);
}

}  // namespace
}  // namespace starling::server::test
