// Each allocation for a session that nodes of cluster-engine share fails once, at the node that was asked
// and at the owner. The failure costs at most the client's connection or its session: no count of
// the client's share stays raised, and the next client is served.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/engineio/engine_worker.h"
#include "server/figures.h"
#include "server/node_engine/peers_part.h"
#include "tests/server/engineio/fixture.h"
#include "tests/server/out_of_memory.h"

namespace starling::server::test {
namespace {

using cluster::engine::Access;
using cluster::engine::Carrier;
using cluster::engine::Message;
using cluster::engine::Packet;
using cluster::engine::Type;

constexpr std::string_view foreign_sid = "AAAAAAAAAAAAAAAAAAAA";
constexpr std::string_view peer = "a peer with a long name";

// Needs no memory on the worker's thread.
class KeepingBus final : public PeerBus {
public:
    KeepingBus() { sent_.reserve(100'000); }

    bool publish(uint32_t, std::string, std::string message, PeerReceipt receipt) override {
        const std::lock_guard lock(mutex_);
        sent_.emplace_back(std::move(message), receipt);
        return true;
    }
    bool is_connected() const noexcept override { return true; }
    const PeerSettings& settings() const noexcept override { return settings_; }

    // Empty: nothing was sent since the last call.
    std::optional<std::pair<std::string, PeerReceipt>> take() {
        const std::lock_guard lock(mutex_);
        if (taken_ == sent_.size()) return std::nullopt;
        return sent_[taken_++];
    }

private:
    const PeerSettings settings_{.prefix = "engine.io", .self = "me", .answer_ms_max = 3'600'000};
    std::mutex mutex_;
    std::vector<std::pair<std::string, PeerReceipt>> sent_;
    size_t taken_ = 0;
};

// A base class, so that it lives longer than the workers, whose connections use it.
struct EngineHolder {
    static EngineOptions options() {
        EngineOptions options;
        options.ping_interval = std::chrono::milliseconds(300);
        options.ping_timeout = std::chrono::milliseconds(300);
        return options;
    }
    Transcript events_;
    KeepingBus bus_;
    Engine engine_{options(), [this](EngineSession& session, const http::Request&) {
                       return std::make_unique<EchoUser>(session, events_);
                   }};
    EngineExtension extension_{engine_};
};

class OutOfMemoryPeers : public EngineHolder, public FailingAllocations {
protected:
    OutOfMemoryPeers() { extension_.mount(workers_.site); }
    ~OutOfMemoryPeers() override { workers_.stop(true); }

    void fail_each(const std::function<void()>& scenario, const std::function<void()>& served) {
        workers_.start(1, [this](WorkerGroup& group) {
            extension_.attach(group);
            Worker& worker = *group.workers.front();
            auto part = std::make_unique<PeersPart>(bus_, engine_, worker, 1);
            part_ = part.get();
            // One request of a client, one question, and one body.
            part->bounds = {.asked_max = 4, .questions_max = 1, .body_bytes_max = 4000};
            engine_.host(worker).use_foreign(*part);
            worker.add_part(std::move(part));
        });
        FailingAllocations::fail_each(
            [&] {
                told_ = lines_of_bad_alloc();
                scenario();
            },
            [&] {
                ASSERT_TRUE(workers_.all_gone());
                pump();
                ASSERT_TRUE(eventually([this] { return open() == 0; }));
                ASSERT_TRUE(eventually([this] { return engine_.sessions() == 0; }));
                told_ = SIZE_MAX;
                served();
                ASSERT_TRUE(workers_.all_gone());
            });
    }
    [[nodiscard]] double open() {
        Figures figures;
        on_worker([&] { part_->add_figures(figures); });
        return figures.sum("starling_node_engine_open");
    }
    // On the worker's thread; what it throws is logged there.
    void run(const std::function<void()>& call) {
        std::atomic<bool> done = false;
        workers_.group.workers.front()->post([&] {
            struct Done {
                std::atomic<bool>& done;
                ~Done() { done = true; }
            } const at_end{done};
            call();
        });
        ASSERT_TRUE(eventually([&] { return done.load(); }));
    }
    // Confirms all that was sent. The messages of a type stay for next().
    void pump() {
        while (const auto sent = bus_.take()) {
            cluster::Arena arena{cluster::decode_limits(1)};
            auto message = cluster::engine::decode(sent->first, {}, arena);
            ASSERT_TRUE(message);
            messages_.push_back(*std::move(message));
            run([&] { part_->published(sent->second, PeerReach::reached); });
        }
    }
    // Nothing: an allocation has failed before, or the session that is lent has ended in silence.
    std::optional<Message> next(Type type) {
        std::optional<Message> found;
        (void)eventually([&] {
            const bool failed =
                lines_of_bad_alloc() > told_ || events_.count("ping timeout") > silences_;
            if (failed) on_worker([] {});
            pump();
            for (size_t i = 0; i < messages_.size() && !found; ++i)
                if (messages_[i].type == type) {
                    found = messages_[i];
                    messages_.erase(messages_.begin(), messages_.begin() + long(i) + 1);
                }
            return found || failed;
        });
        return found;
    }
    void tell(Message message) {
        message.sender = peer;
        run([&] { part_->on_message(message); });
    }
    void answer(const Message& question, Type type) {
        Message message{.type = type, .recipient = "me", .request = question.request};
        message.success = true;
        tell(message);
    }
    void drain(std::string_view sid) {
        Message message{.type = Type::drain, .recipient = "me", .sid = std::string(sid)};
        message.packets = {{engineio::Type::message, false, std::string(300, 'a')},
                           {engineio::Type::message, true, std::string(300, 'b')}};
        tell(message);
    }
    void packet(std::string_view sid, std::string text = std::string(300, 'c')) {
        Message message{.type = Type::packet, .recipient = "me", .sid = std::string(sid)};
        message.packets = {{engineio::Type::message, false, std::move(text)}};
        tell(message);
    }
    void lock(std::string_view sid, Carrier carrier) {
        Message message{.type = Type::acquire_lock, .request = 9, .sid = std::string(sid)};
        message.carrier = carrier;
        message.access = Access::read;
        tell(message);
    }
    static std::string target(std::string_view sid) {
        return "/socket.io/?EIO=4&transport=polling" +
               (sid.empty() ? "" : "&sid=" + std::string(sid));
    }

    void poll(bool must_succeed = false) {
        Client client(workers_.port());
        client.send("GET " + target(foreign_sid) + " HTTP/1.1\r\nHost: here\r\n\r\n");
        if (const auto question = next(Type::acquire_lock)) {
            answer(*question, Type::lock_answer);
            drain(foreign_sid);
        }
        const Answer got = client.answer();
        EXPECT_NE(got.end, "<timeout>");
        if (must_succeed) {
            EXPECT_EQ(got.status, 200) << got.body;
        }
    }
    void post(bool must_succeed = false) {
        const std::string body = '4' + std::string(300, 'x') + "\x1e" + '4' + std::string(300, 'y');
        Client client(workers_.port());
        client.send("POST " + target(foreign_sid) + " HTTP/1.1\r\nHost: here\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body);
        if (const auto question = next(Type::acquire_lock)) {
            answer(*question, Type::lock_answer);
            pump();
        }
        const Answer got = client.answer();
        EXPECT_NE(got.end, "<timeout>");
        if (must_succeed) {
            EXPECT_EQ(got.body, "ok");
        }
        // A client that was told "ok" has lost nothing.
        const auto packets = std::ranges::count(messages_, Type::packet, &Message::type);
        if (got.body == "ok") {
            EXPECT_EQ(packets, 2);
        }
        messages_.clear();
    }
    void websocket() {
        WsClient client(workers_.port(),
                        "/socket.io/?EIO=4&transport=websocket&sid=" + std::string(foreign_sid));
        if (client.handshake().status != 101) return;
        client.send_text("2probe");
        if (const auto question = next(Type::acquire_lock)) {
            answer(*question, Type::lock_answer);
            client.send_text("5");
            if (const auto upgrade = next(Type::upgrade)) {
                client.send_text("4" + std::string(300, 'z'));
                answer(*upgrade, Type::upgrade_answer);
                (void)next(Type::packet);
                drain(foreign_sid);
            }
        }
        client.send_close(1000);
        while (client.frame().end.empty()) {}
    }

    // A session of this node, with a poll and then a WebSocket at the other node. This node or the other
    // one closes it. False: a busy machine was too slow for the heartbeat, if no allocation fails.
    bool lend(bool closes_here) {
        silences_ = events_.count("ping timeout");
        std::string sid;
        {
            Client client(workers_.port());
            const Answer opened = client.get(target(""));
            const size_t at = opened.body.find("\"sid\":\"");
            if (at == std::string::npos) return false;
            sid = opened.body.substr(at + 7, 20);
        }
        lock(sid, Carrier::polling);
        packet(sid);
        const bool had_poll = next(Type::lock_answer) && next(Type::drain);
        lock(sid, Carrier::websocket);
        Message upgrade{.type = Type::upgrade, .recipient = "me", .request = 3, .sid = sid};
        upgrade.success = true;
        tell(upgrade);
        packet(sid);
        const bool had_websocket =
            next(Type::lock_answer) && next(Type::upgrade_answer) && next(Type::drain);
        if (closes_here)
            packet(sid, "close");
        else
            tell({.type = Type::close, .recipient = "me", .sid = sid, .reason = "transport close"});
        messages_.clear();
        return had_poll && had_websocket;
    }
    void lend_each(bool closes_here) {
        fail_each([&] { lend(closes_here); },
                  [&] { EXPECT_TRUE(eventually([&] { return lend(closes_here); })); });
    }

private:
    PeersPart* part_ = nullptr;
    std::vector<Message> messages_;
    size_t told_ = 0, silences_ = 0;
};

TEST_F(OutOfMemoryPeers, APollOfAnotherNodesSession) {
    fail_each([&] { poll(); }, [&] { poll(true); });
}

TEST_F(OutOfMemoryPeers, APostToAnotherNodesSession) {
    fail_each([&] { post(); }, [&] { post(true); });
}

TEST_F(OutOfMemoryPeers, AWebSocketOfAnotherNodesSession) {
    fail_each([&] { websocket(); }, [&] { poll(true); });
}

TEST_F(OutOfMemoryPeers, ASessionThatIsLent) { lend_each(false); }

TEST_F(OutOfMemoryPeers, ASessionThatIsLentAndClosed) { lend_each(true); }

}  // namespace
}  // namespace starling::server::test
