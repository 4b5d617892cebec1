// tests/server/node_engine/peers_fixture.h: a worker with PeersPart, and a bus whose messages a test
// writes itself.
#pragma once

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

using cluster::engine::Access;
using cluster::engine::Carrier;
using cluster::engine::Message;
using cluster::engine::Packet;
using cluster::engine::Type;

inline constexpr std::string_view foreign_sid = "AAAAAAAAAAAAAAAAAAAA";
inline constexpr std::string_view unknown_session = R"({"code":1,"message":"Session ID unknown"})";

inline std::string shown(const Message& message) {
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

}  // namespace starling::server::test
