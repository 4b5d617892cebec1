// Each allocation of a polling request that goes to another node of starling fails once, and each one at the
// owner of a session whose client has a WebSocket at another node. The failure costs at most the client's
// connection or its session, and no count of the client's share stays raised.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engineio/ids.h"
#include "engineio/relay.h"
#include "server/engineio/engine_worker.h"
#include "server/engineio/relay_part.h"
#include "server/figures.h"
#include "tests/server/engineio/fixture.h"
#include "tests/server/out_of_memory.h"

namespace starling::server::test {
namespace {

namespace relay = engineio::relay;

// A cluster of this node and one whose messages the test writes. Needs no memory on the worker's thread.
class TwoNodes final : public Nodes {
public:
    static constexpr Id other = 2;

    TwoNodes() { sent_.reserve(10'000); }
    void add(Kind, Member& member) override { member_ = &member; }
    [[nodiscard]] Id self() const noexcept override { return 1; }
    [[nodiscard]] bool is_here(Id) const override { return true; }
    [[nodiscard]] bool is_linked() const noexcept override { return true; }
    [[nodiscard]] uint64_t keyed_hash(std::string_view) const noexcept override { return 0; }
    void joined(Kind, std::string_view) noexcept override {}
    void left(Kind, std::string_view) noexcept override {}
    bool publish(Kind, Target, std::string payload) override {
        const std::lock_guard lock(mutex_);
        sent_.push_back(std::move(payload));
        return true;
    }
    void ask(Kind, Target, std::string, std::function<void(Id, std::string_view)>,
             std::function<void(const Outcome&)>) override {}
    void answer(Id, uint64_t, std::string, bool) override {}
    void count(Kind, std::string_view, std::function<void(const Count&)>) override {}
    void fence(std::function<void()>) override {}
    [[nodiscard]] size_t node_queue_bytes_max() const noexcept override { return 64'000'000; }

    // The number of the newest request; 0: none.
    [[nodiscard]] uint64_t take_request() {
        const std::lock_guard lock(mutex_);
        uint64_t id = 0;
        for (const std::string& message : sent_)
            if (const auto head = relay::decode_head(message);
                head && head->type == relay::Type::request)
                id = head->id;
        sent_.clear();
        return id;
    }
    // Whether the other node was told of the end of this number. Forgets what was sent.
    [[nodiscard]] bool has_ended(uint64_t id) {
        const std::lock_guard lock(mutex_);
        bool found = false;
        for (const std::string& message : std::exchange(sent_, {}))
            if (const auto head = relay::decode_head(message))
                found |= head->type == relay::Type::end && head->id == id;
        sent_.reserve(10'000);
        return found;
    }
    // On the worker's thread.
    void tell(const std::string& payload) {
        member_->on_publication({.from = other, .rooms = {}, .payload = payload});
    }

private:
    Member* member_ = nullptr;
    std::mutex mutex_;
    std::vector<std::string> sent_;
};

// A base class, so that it lives longer than the workers, whose connections use it.
struct RelayHolder {
    Transcript events_;
    TwoNodes nodes_;
    static EngineOptions options() {
        EngineOptions options;
        options.ping_interval = std::chrono::milliseconds(300);
        options.ping_timeout = std::chrono::milliseconds(300);
        return options;
    }
    Engine engine_{options(), [this](EngineSession& session, const http::Request&) {
                       return std::make_unique<EchoUser>(session, events_);
                   }};
    EngineExtension extension_{engine_};
};

class OutOfMemoryRelay : public RelayHolder, public FailingAllocations {
protected:
    OutOfMemoryRelay() { extension_.mount(workers_.site); }
    ~OutOfMemoryRelay() override { workers_.stop(true); }

    static std::string request(std::string_view method, std::string_view body) {
        engineio::Sid sid(0, 0, engineio::SidSecret(std::array<std::byte, 17>()).text().view());
        sid.add_node(TwoNodes::other, 0);
        return std::string(method) +
               " /socket.io/?EIO=4&transport=polling&sid=" + std::string(sid.view()) +
               " HTTP/1.1\r\nHost: here\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + std::string(body);
    }
    void exchange(const std::string& text, bool must_succeed) {
        Client client(workers_.port());
        client.send(text);
        uint64_t id = 0;
        (void)eventually([&] {
            const bool failed = lines_of_bad_alloc() > told_;
            if (failed) on_worker([] {});
            return (id = nodes_.take_request()) != 0 || failed;
        });
        if (id != 0) {
            const std::string body(300, 'x');
            const std::string answer = relay::encode(
                {.type = relay::Type::answer, .worker = 0, .id = id},
                relay::Answer{.fields = {{"Content-Type", "text/plain"}}, .body = body});
            workers_.group.workers.front()->post([this, answer] { nodes_.tell(answer); });
        }
        const Answer got = client.answer();
        EXPECT_NE(got.end, "<timeout>");
        if (must_succeed) {
            EXPECT_EQ(got.status, 200) << got.body;
        }
    }
    void start() {
        workers_.start(1, [this](WorkerGroup& group) {
            group.nodes = &nodes_;
            extension_.attach(group);
            part_ = group.workers.front()->find_part<RelayPart>();
            // One request of a client, and one body.
            part_->bounds.asked_max = 4;
            part_->bounds.asked_bytes_max = 4000;
        });
    }
    void fail_each(std::string_view method, std::string_view body) {
        start();
        const std::string text = request(method, body);
        FailingAllocations::fail_each(
            [&] {
                told_ = lines_of_bad_alloc();
                exchange(text, false);
            },
            [&] {
                ASSERT_TRUE(workers_.all_gone());
                end_parted();
                told_ = SIZE_MAX;
                exchange(text, true);
                ASSERT_TRUE(workers_.all_gone());
            });
    }
    // The owner answers the ends of requests: their bytes are not on the way any more.
    void end_parted() {
        RelayPart* part = nullptr;
        on_worker([&] { part = workers_.group.workers.front()->find_part<RelayPart>(); });
        on_worker([&] {
            for (uint64_t id = 1; id < 2000; ++id)
                nodes_.tell(
                    relay::encode({.type = relay::Type::end, .worker = 0, .id = id},
                                  relay::End{.to_owner = false, .code = relay::end_answered}));
        });
        EXPECT_EQ(part->asked_bytes(), 0u);
    }

    // A message of the other node. What it throws is logged on the worker's thread.
    void tell(const std::string& message) {
        workers_.group.workers.front()->post([this, &message] { nodes_.tell(message); });
        on_worker([] {});
    }
    void frame(uint64_t id, std::string_view text) {
        tell(relay::encode({.type = relay::Type::frame, .worker = 0, .id = id},
                           relay::Frame{.to_owner = true, .bytes = text}));
    }
    // The WebSocket of another node for a session of this one, which closes it.
    void websocket(bool must_succeed) {
        std::string sid;
        {
            Client client(workers_.port());
            const Answer opened = client.get("/socket.io/?EIO=4&transport=polling");
            const size_t at = opened.body.find("\"sid\":\"");
            if (at == std::string::npos) return;
            sid = opened.body.substr(at + 7, engineio::cluster_sid_length);
        }
        const uint64_t id = ++last_id_;
        tell(relay::encode(
            {.type = relay::Type::upgrade, .worker = 0, .id = id},
            relay::Request{.method = "GET",
                           .target = "/socket.io/?transport=websocket&EIO=4&sid=" + sid,
                           .host = "here",
                           .remote_address = "203.0.113.1",
                           .fields = {}}));
        for (const std::string_view text : {"2probe", "5", "4hello", "4close"}) frame(id, text);
        if (must_succeed) {
            EXPECT_TRUE(eventually([&] { return nodes_.has_ended(id); }));
        }
        tell(relay::encode({.type = relay::Type::taken, .worker = 0, .id = id}));
    }
    [[nodiscard]] double websockets() {
        Figures figures;
        on_worker([&] { part_->add_figures(engine_, figures); });
        return figures.sum("starling_relayed_websockets");
    }
    RelayPart* part_ = nullptr;

private:
    size_t told_ = 0;
    uint64_t last_id_ = 0;
};

TEST_F(OutOfMemoryRelay, APoll) { fail_each("GET", ""); }

TEST_F(OutOfMemoryRelay, APost) { fail_each("POST", '4' + std::string(300, 'x')); }

TEST_F(OutOfMemoryRelay, AWebSocketAtItsOwner) {
    start();
    const auto all_ended = [&] {
        ASSERT_TRUE(workers_.all_gone());
        ASSERT_TRUE(eventually([this] { return websockets() == 0; }));
        ASSERT_TRUE(eventually([this] { return engine_.sessions() == 0; }));
    };
    FailingAllocations::fail_each([&] { websocket(false); },
                                  [&] {
                                      all_ended();
                                      websocket(true);
                                      all_ended();
                                  });
}

}  // namespace
}  // namespace starling::server::test
