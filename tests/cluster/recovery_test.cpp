// A simulated cluster whose nodes read a stream at different speeds, are killed and start again. Clients
// are cut between any two packets, and come back to any node: each gets every number once and in order.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cluster/claims.h"
#include "cluster/node_codec.h"
#include "socketio/cluster_link.h"
#include "tests/fake/socketio.h"

namespace starling::cluster {
namespace {

using socketio::Command;

struct Redis {
    std::deque<std::shared_ptr<const Command>> stream;  // With their places.
    uint64_t last = 0;
    std::map<std::string, std::string> sessions;

    void add(const Command& event) {
        auto command = std::make_shared<Command>();
        command->nsp = event.nsp;
        command->target = event.target;
        command->place = StreamPlace{0, {1, ++last}};
        socketio::Encoder encoder;
        encoder.begin(socketio::Codec::json, socketio::Type::event, event.nsp);
        for (const Json& value : event.args) encoder.value(value);
        encoder.value(to_text(command->place->id));
        EXPECT_TRUE(encoder.finish());
        command->packet = encoder.take();
        stream.push_back(command);
    }
};

socketio::Settings with_recovery(size_t packets_max) {
    socketio::Settings settings;
    settings.recovery = sio::Recovery{.packets_max = packets_max};
    return settings;
}

// A process of two workers. Its parts of the real code are all but the connection to Redis.
class Node final : public socketio::ClusterLink, public socketio::RecoveryLink, SessionStore {
public:
    Node(Redis& redis, size_t packets_max)
        : redis_(redis), workers(2, with_recovery(packets_max)), claims_({}, *this) {
        workers.adapter.use_cluster(*this);
        io.on_connection([](sio::Socket socket) {
            if (!socket.recovered()) socket.join("room");
        });
        read_ = redis.last;
        workers.adapter.history()->with([&](socketio::History& history) {
            history.stream_begins({0, {1, read_}});
        });
        claims_.up();
        claims_.on_read({0, {1, read_}});
    }
    // Reads one entry. False: there is none.
    bool read() {
        if (read_ == redis_.last) return false;
        const Command& entry = *redis_.stream[read_++];
        workers.on(0, [&] { workers.adapter.deliver_in_order(std::make_shared<Command>(entry)); });
        claims_.on_read(*entry.place);
        return true;
    }
    // One answer of Redis.
    bool answer() {
        if (answers_.empty()) return false;
        const auto one = std::move(answers_.front());
        answers_.pop_front();
        workers.on(0, one);
        return true;
    }
    void settle() {
        for (bool any = true; any;) {
            any = answer();
            any |= read();
            workers.settle();
        }
    }

    // socketio::ClusterLink
    void send(std::shared_ptr<const Command>) override {}
    void namespace_opened(const std::string&, socketio::NamespaceSetup&) noexcept override {}
    void namespace_closed(const std::string&) noexcept override {}
    void room_opened(const std::string&, std::string_view, bool) noexcept override {}
    void room_closed(const std::string&, std::string_view) noexcept override {}
    RecoveryLink* recovery() noexcept override { return this; }
    // socketio::RecoveryLink
    void publish(std::shared_ptr<const Command> event) override { redis_.add(*event); }
    void save_sessions(std::vector<socketio::SavedSession> sessions, bool) override {
        for (const auto& one : sessions) {
            std::string value;
            EXPECT_TRUE(write_session({one.id, one.pid, one.rooms, one.data, one.nsp, "",
                                       one.begin ? to_text(*one.begin) : ""},
                                      value));
            redis_.sessions[one.pid] = value;
        }
    }
    void refresh_sessions(std::vector<SessionName>) override {}
    void forget_session(std::string pid) override { redis_.sessions.erase(pid); }
    void claim_session(SessionClaim claim, Claimed done) override {
        claims_.claim(claim, 0, [done = std::move(done)](ClaimEnd end, RestoredSession found) {
            EXPECT_EQ(in_words(end), in_words(ClaimEnd::restored));
            if (end != ClaimEnd::restored) return done(std::nullopt);
            done(std::move(found));
        });
    }

private:
    std::vector<Row> window(uint32_t) const override {
        std::vector<Row> rows;
        const_cast<socketio::Adapter&>(workers.adapter).history()->with([&](auto& history) {
            for (const auto& event : history.since(0)) rows.push_back({event->place->id, event});
        });
        std::ranges::reverse(rows);
        return rows;
    }
    uint32_t stream_of(std::string_view) const override { return 0; }
    bool repeats_may_come() const override { return false; }
    // SessionStore
    void take(const std::string& pid, std::function<void(Taken)> done) override {
        answers_.push_back([this, pid, done = std::move(done)] {
            auto found = redis_.sessions.extract(pid);
            Taken taken{.reached = true};
            if (!found.empty()) taken.value = found.mapped();
            done(std::move(taken));
        });
    }
    void read_back(uint32_t, StreamId last,
                   std::function<void(std::optional<Page>)> done) override {
        answers_.push_back([this, last, done = std::move(done)] {
            Page page;
            for (uint64_t at = last.sequence; at > 0 && page.rows.size() < 4; --at)
                page.rows.push_back({{1, at}, redis_.stream[at - 1]});
            page.is_last = page.rows.size() < 4;
            done(std::move(page));
        });
    }
    std::optional<StreamId> covered_from(uint32_t stream) const override {
        std::optional<StreamId> covered;
        const_cast<socketio::Adapter&>(workers.adapter).history()->with([&](auto& history) {
            covered = history.covered_from(stream);
        });
        return covered;
    }

    Redis& redis_;
    uint64_t read_ = 0;
    std::deque<std::function<void()>> answers_;

public:
    fake::Workers workers;
    fake::Namespace& io = workers.of("/");

private:
    Claims claims_;
};

class World {
public:
    World(uint32_t seed, size_t packets_max) : random_(seed), packets_max_(packets_max) {
        for (auto& node : nodes_) node = std::make_unique<Node>(redis_, packets_max_);
        node_ = 0;
        client_ = std::make_unique<fake::Client>(nodes_[0]->workers, 0, 4);
        client_->says("0");
        say(0);
        nodes_[0]->settle();
        take(SIZE_MAX);
    }
    void step() {
        say(pick(nodes_.size()));
        Node& some = *nodes_[pick(nodes_.size())];
        if (pick(2) == 0) some.read();
        if (pick(2) == 0) some.answer();
        if (pick(2) == 0) post(some);
        if (pick(10) == 0) take(SIZE_MAX);
        if (pick(20) == 0) return_client();
        if (pick(40) == 0) kill_another();
    }
    void finish() {
        for (auto& node : nodes_) node->settle();
        take(SIZE_MAX);
        std::vector<int> all;
        for (int i = 1; i <= last_; ++i) all.push_back(i);
        EXPECT_EQ(numbers_, all);
    }

private:
    size_t pick(size_t of) { return random_() % of; }
    void say(size_t node) {
        Node& one = *nodes_[node];
        one.workers.on(pick(2), [&] { one.io.to("room").emit("n", ++last_); });
    }
    void post(Node& node) {
        const size_t worker = pick(2);
        auto& calls = node.workers.runtimes[worker]->calls;
        if (calls.empty()) return;
        const auto call = std::move(calls.front());
        calls.pop_front();
        node.workers.on(worker, call);
    }
    void take(size_t count) {
        const auto lines = client_->takes();
        for (size_t i = 0; i < std::min(count, lines.size()); ++i) {
            if (!lines[i].starts_with("42[\"n\",")) continue;
            numbers_.push_back(std::stoi(lines[i].substr(7)));
            const size_t quote = lines[i].rfind(",\"") + 2;
            offset_ = lines[i].substr(quote, lines[i].size() - quote - 2);
        }
    }
    // The client's connection breaks, at times with its node, and the client comes back anywhere.
    void return_client() {
        // It has been here for a while.
        if (!client_->member("pid").empty()) nodes_[node_]->workers.settle();
        if (client_->member("pid").empty()) return;
        take(pick(4));  // The other packets never arrive.
        const std::string pid = client_->member("pid");
        auto old = std::move(client_);
        const size_t before = node_;
        if (pick(2) == 0) {
            const auto sessions = redis_.sessions;
            old.reset();
            nodes_[before] = std::make_unique<Node>(redis_, packets_max_);
            redis_.sessions = sessions;  // A process that is killed writes nothing.
        } else if (pick(2) == 0) {
            old->leaves();
            old.reset();
        }
        for (size_t i = pick(6); i > 0; --i) say(pick(nodes_.size()));
        node_ = pick(nodes_.size());
        Node& node = *nodes_[node_];
        client_ = std::make_unique<fake::Client>(node.workers, pick(2), 4);
        client_->says("0{\"pid\":\"" + pid + "\",\"offset\":\"" + offset_ + "\"}");
        for (size_t i = pick(6); i > 0; --i) say(pick(nodes_.size()));
        while (client_->member("pid").empty()) {
            if (pick(3) == 0) say(pick(nodes_.size()));
            node.read();
            node.answer();
            post(node);
        }
        ASSERT_EQ(client_->member("pid"), pid);
        if (old) old->leaves("ping timeout");  // Its first node notices at last.
        old.reset();
    }
    void kill_another() {
        const size_t victim = pick(nodes_.size());
        if (victim != node_) nodes_[victim] = std::make_unique<Node>(redis_, packets_max_);
    }

    std::mt19937 random_;
    const size_t packets_max_;
    Redis redis_;
    std::array<std::unique_ptr<Node>, 3> nodes_;
    size_t node_ = 0;
    std::unique_ptr<fake::Client> client_;
    std::vector<int> numbers_;
    std::string offset_;
    int last_ = 0;
};

TEST(ClusterRecovery, NothingIsLostAndNothingComesTwice) {
    for (uint32_t seed = 1; seed <= 30; ++seed) {
        World world(seed, seed % 2 == 0 ? 10'000 : 30);
        for (int i = 0; i < 300 && !::testing::Test::HasFailure(); ++i) world.step();
        world.finish();
        ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
    }
}

}  // namespace
}  // namespace starling::cluster
