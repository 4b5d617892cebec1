// Sessions that are shared with Node.js, with other nodes whose messages the tests write: what one
// side cannot see of the other, limits, losses, and grants that come too late.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/engineio/engine_worker.h"
#include "server/figures.h"
#include "server/node_engine/peers_part.h"
#include "tests/server/engineio/fixture.h"

namespace starling::server::test {
namespace {

using cluster::engine::Access;
using cluster::engine::Carrier;
using cluster::engine::Message;
using cluster::engine::Packet;
using cluster::engine::Type;

constexpr std::string_view foreign_sid = "AAAAAAAAAAAAAAAAAAAA";
constexpr std::string_view unknown_session = R"({"code":1,"message":"Session ID unknown"})";

std::string shown(const Message& message) {
    std::string text;
    switch (message.type) {
        case Type::acquire_lock:
            text = std::string(message.carrier == Carrier::polling ? "polling " : "websocket ") +
                   (message.access == Access::read ? "read" : "write");
            break;
        case Type::lock_answer: text = message.success ? "granted" : "denied"; break;
        case Type::drain: text = "drain"; break;
        case Type::packet: text = "packet"; break;
        case Type::upgrade: text = message.success ? "upgrade" : "no upgrade"; break;
        case Type::upgrade_answer: text = message.take_over ? "moves" : "stays"; break;
        case Type::close: text = "close " + message.reason; break;
    }
    for (const Packet& packet : message.packets)
        text += " " + std::to_string(static_cast<int>(packet.type)) + packet.data;
    return text;
}

// Keeps what the worker sends. Each message is confirmed at once, unless the test holds the receipts.
class ScriptedBus final : public PeerBus {
public:
    explicit ScriptedBus(TestTeam& team) : team_(team) {}

    bool publish(uint32_t, std::string channel, std::string message, PeerReceipt receipt) override {
        cluster::Arena arena{cluster::decode_limits(1)};
        auto decoded = cluster::engine::decode(message, {}, arena);
        EXPECT_TRUE(decoded);
        EXPECT_EQ(channel, decoded->recipient.empty() ? "engine.io#"
                                                      : "engine.io#" + decoded->recipient + "#");
        if (refuses) return false;
        const std::string text = shown(*decoded);
        {
            const std::lock_guard lock(mutex_);
            sent_.push_back(*std::move(decoded));
            if (holds) held_.push_back(receipt);
        }
        if (!holds) confirm(receipt, reach);
        sent.add(text);
        return true;
    }
    bool is_connected() const noexcept override { return connected; }
    const PeerSettings& settings() const noexcept override { return own_settings; }

    void confirm(PeerReceipt receipt, PeerReach how) {
        team_.group.workers.front()->post([this, receipt, how] { part->published(receipt, how); });
    }
    void confirm_all() {
        std::vector<PeerReceipt> all;
        {
            const std::lock_guard lock(mutex_);
            all.swap(held_);
        }
        for (const PeerReceipt& receipt : all) confirm(receipt, PeerReach::reached);
    }
    [[nodiscard]] Message last(Type type) {
        const std::lock_guard lock(mutex_);
        Message found;
        for (const Message& message : sent_)
            if (message.type == type) found = message;
        return found;
    }

    Transcript sent;
    PeersPart* part = nullptr;
    // Questions wait for as long as a slow machine needs.
    PeerSettings own_settings{.prefix = "engine.io", .self = "me", .answer_ms_max = 3'600'000};
    std::atomic<bool> connected{true}, refuses{false}, holds{false};
    std::atomic<PeerReach> reach{PeerReach::reached};

private:
    TestTeam& team_;
    std::mutex mutex_;
    std::vector<Message> sent_;
    std::vector<PeerReceipt> held_;
};

class Peers : public EngineTest {
protected:
    // The worker uses the bus.
    ~Peers() override { t->stop(true); }
    void begin(EngineOptions options = {}) {
        engine = std::make_unique<Engine>(std::move(options),
                                          [this](EngineSession& session, const http::Request&) {
                                              return std::make_unique<EchoUser>(session, t->events);
                                          });
        extension = std::make_unique<EngineExtension>(*engine);
        extension->mount(t->site);
        t->start(1, [this](WorkerGroup& group) {
            extension->attach(group);
            Worker& worker = *group.workers.front();
            auto part = std::make_unique<PeersPart>(bus, *engine, worker, 1);
            bus.part = part.get();
            engine->host(worker).use_foreign(*part);
            worker.add_part(std::move(part));
        });
    }
    // From the node "peer".
    void tell(Message message, const std::string& sender = "peer") {
        message.sender = sender;
        t->on(0, [&](Worker&) { bus.part->on_message(message); });
    }
    void grant(Type answer = Type::lock_answer, bool success = true) {
        const bool is_lock = answer == Type::lock_answer;
        Message message{.type = answer,
                        .recipient = "me",
                        .request = bus.last(is_lock ? Type::acquire_lock : Type::upgrade).request};
        message.success = success;
        tell(message);
    }
    static Message drain(const std::string& sid, std::vector<Packet> packets) {
        Message message{.type = Type::drain, .recipient = "me", .sid = sid};
        message.packets = std::move(packets);
        return message;
    }
    static Message packet(const std::string& sid, std::string text) {
        Message message{.type = Type::packet, .recipient = "me", .sid = sid};
        message.packets = {{engineio::Type::message, false, std::move(text)}};
        return message;
    }
    static Message lock(const std::string& sid, Carrier carrier, Access access) {
        Message message{.type = Type::acquire_lock, .request = 9, .sid = sid};
        message.carrier = carrier;
        message.access = access;
        return message;
    }
    static std::string websocket_of(std::string_view sid) {
        return "/socket.io/?EIO=4&transport=websocket&sid=" + std::string(sid);
    }
    // A client's WebSocket for a session of "peer", up to its upgrade.
    void upgrade(WsClient& client) {
        client.send_text("2probe");
        ASSERT_TRUE(bus.sent.wait_for("websocket read"));
        grant();
        EXPECT_EQ(client.next(), "text(3probe)");
        client.send_text("5");
        ASSERT_TRUE(bus.sent.wait_for("upgrade"));
    }
    [[nodiscard]] double figure(std::string_view name) {
        Figures figures;
        t->on(0, [&](Worker&) { bus.part->add_figures(figures); });
        return figures.sum(name);
    }

    const std::string sid{foreign_sid};
    ScriptedBus bus{*t};
};

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
    begin({.upgrade_timeout = std::chrono::milliseconds(2000)});
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
