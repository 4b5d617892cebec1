// The client's pure halves against the server's, over a network that delivers in any order, loses
// connections at any moment and is sometimes silent. No event comes twice, none out of order, and a
// recovered client misses none.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/fake/socketio_client.h"
#include "tests/fake/socketio_pair.h"

namespace starling {
namespace {

using engineio::Revision;
using engineio::Transport;
using fake::AckResult;
using fake::Arguments;
namespace client = socketio::client;

struct Setup {
    client::ManagerOptions manager;
    socketio::Settings server;
};

Setup setup_of(uint32_t seed) {
    Setup setup;
    auto& engine = setup.manager.engine;
    if (seed % 4 == 0) engine.transports = {Transport::websocket};
    if (seed % 4 == 1) engine.upgrade = false;
    engine.try_all_transports = seed % 3 == 0;
    engine.remember_upgrade = seed % 5 == 0;
    if (seed % 7 == 0) engine.revision = Revision::eio3;
    if (seed % 6 == 0) setup.manager.codec = setup.server.codec = socketio::Codec::msgpack;
    setup.server.recovery = sio::Recovery{};
    return setup;
}

// One run: the server counts up in the room of its clients, the client counts up towards the server.
class World final : public client::Host, public client::ManagerEvents {
public:
    explicit World(uint32_t seed)
        : random_(seed),
          setup_(setup_of(seed)),
          workers_(1, setup_.server),
          server_(workers_, {.ping_interval_ms = 300, .ping_timeout_ms = 200}),
          plain_("/", lines_),
          careful_("/careful", lines_),
          manager_(setup_.manager, *this, *this) {
        set_up_server();
        plain_.on_own = [this](std::string_view name) {
            if (name == "connect" && !plain_.socket->recovered()) may_have_missed_ = true;
            if (name == "connect" && plain_.socket->recovered()) ++recoveries;
        };
        plain_.on_args = [this](Arguments args) { received(args); };
        plain_.hears_outgoing = careful_.hears_outgoing = false;
        plain_.socket = &manager_.socket("/", {}, plain_);
        careful_.socket =
            &manager_.socket("/careful", {.retries = 1'000'000, .ack_timeout_ms = 700}, careful_);
    }

    void run() {
        for (int step = 0; step < 1500 && !testing::Test::HasFailure(); ++step) {
            act();
            one_step();
        }
        calm_ = true;
        // Everything that waits goes through in the end.
        for (int step = 0; step < 20'000; ++step) {
            one_step();
            if (plain_.socket->connected() && careful_.socket->buffered_events() == 0 &&
                got_.size() > 0 && got_.back() == sent_)
                break;
            if (step % 500 == 0) say();
        }
        EXPECT_TRUE(plain_.socket->connected());
        EXPECT_EQ(careful_.socket->buffered_events(), 0u);
        ASSERT_FALSE(got_.empty());
        EXPECT_EQ(got_.back(), sent_);
        EXPECT_EQ(careful_heard_.size(), careful_sent_);
        EXPECT_EQ(answered_, asked_ - plain_.socket->pending_acks());
        manager_.close();
        for (int step = 0; step < 3000; ++step) one_step();
        EXPECT_TRUE(manager_.idle());
        EXPECT_EQ(server_.sessions(), 0u);
    }

    // ---- client::Host ---------------------------------------------------------------------------
    uint64_t now_ms() const noexcept override { return workers_.now_ms; }
    double random() override { return double(random_() % 1000) / 1000; }
    std::unique_ptr<engineio::ClientWire> open_wire(engineio::ClientSession& session) override {
        return std::make_unique<fake::PairWire>(network_, server_, session, wires_);
    }
    socketio::Arena& arena() noexcept override { return arena_; }
    engineio::UpgradeMemory& upgrade_memory() noexcept override { return memory_; }
    void on_manager_event(std::string_view name, Arguments) override {
        if (name == "reconnect") ++reconnects;
    }

    size_t recoveries = 0, reconnects = 0;

private:
    void set_up_server() {
        root_ = &workers_.of("/");
        root_->on_connection([](sio::Socket socket) {
            if (!socket.recovered()) socket.join("room");
        });
        // Without retries an event may be lost, and nothing more.
        root_->on("plain", [this](int n) {
            EXPECT_GT(n, plain_heard_);
            plain_heard_ = n;
        });
        root_->on("ask", [](int n) { return n + 1; });
        workers_.of("/careful").on("careful", [this](int n) {
            // Again is right, since an answer may be lost; a gap is not.
            if (!careful_heard_.empty() && n == careful_heard_.back()) return n;
            EXPECT_EQ(size_t(n), careful_heard_.size() + 1);
            careful_heard_.push_back(n);
            return n;
        });
    }

    void say() {
        ++sent_;
        const std::string padding(size_t(sent_ % 50), 'x');
        workers_.on(0, [&] { root_->to("room").emit("n", sent_, padding); });
        workers_.settle();
    }

    void received(Arguments args) {
        const int n = int(args[1].to_number<int64_t>());
        EXPECT_EQ(args[2].get_string().size(), size_t(n % 50));
        if (!got_.empty()) {
            EXPECT_GT(n, got_.back());
            if (!may_have_missed_) {
                EXPECT_EQ(n, got_.back() + 1);
            }
        }
        may_have_missed_ = false;
        got_.push_back(n);
    }

    void act() {
        const auto chance = [&](unsigned of) { return random_() % of == 0; };
        if (chance(4)) say();
        if (chance(5)) emit("plain", ++plain_sent_);
        if (chance(9)) ask();
        if (chance(12)) {
            const int n = int(++careful_sent_);
            sio::detail::with_values([&](auto values) { careful_.socket->emit("careful", values); },
                                     n);
        }
        if (chance(40) && !wires_.empty()) wires_[random_() % wires_.size()]->cut(random_);
        if (chance(400)) server_.restart();
        if (chance(300)) plain_.socket->disconnect();
        if (chance(20)) plain_.socket->connect();
    }

    void emit(std::string_view name, int n) {
        sio::detail::with_values([&](auto values) { plain_.socket->emit(name, values); }, n);
    }

    void ask() {
        const int n = int(++asked_);
        sio::detail::with_values(
            [&](auto values) {
                plain_.socket->emit("ask", values, {.timeout_ms = 5000},
                                    [this, n](AckResult result, Arguments args) {
                                        ++answered_;
                                        if (result != AckResult::answered) return;
                                        EXPECT_EQ(args[0].to_number<int64_t>(), n + 1);
                                    });
            },
            n);
    }

    void one_step() {
        const bool busy = network_.deliver(random_);
        if (!busy || random_() % 8 == 0) workers_.now_ms += random_() % 20;
        workers_.pass(0);
        server_.run();
        while (manager_.deadline_ms() <= workers_.now_ms) manager_.run(workers_.now_ms);
        manager_.sweep();
        workers_.settle();
        if (calm_ && !plain_.socket->active()) plain_.socket->connect();
    }

    std::mt19937 random_;
    Setup setup_;
    socketio::Arena arena_;
    engineio::UpgradeMemory memory_;
    fake::Workers workers_;
    fake::Network network_;
    fake::PairServer server_;
    fake::Namespace* root_ = nullptr;
    std::vector<fake::PairWire*> wires_;
    std::vector<std::string> lines_;
    fake::SioApplication plain_, careful_;
    std::vector<int> got_, careful_heard_;
    int sent_ = 0, plain_sent_ = 0, plain_heard_ = 0;
    size_t careful_sent_ = 0, asked_ = 0, answered_ = 0;
    bool may_have_missed_ = true, calm_ = false;
    client::Manager manager_;
};

TEST(SocketIoPair, NothingComesTwiceNorOutOfOrder) {
    size_t recoveries = 0, reconnects = 0;
    for (uint32_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World one(seed);
        one.run();
        if (testing::Test::HasFailure()) return;
        recoveries += one.recoveries;
        reconnects += one.reconnects;
    }
    // The network was bad enough.
    EXPECT_GT(recoveries, 100u);
    EXPECT_GT(reconnects, 300u);
}

}  // namespace
}  // namespace starling
