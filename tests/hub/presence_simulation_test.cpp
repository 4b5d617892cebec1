// Presence over four nodes that lose messages and each other by chance: in the end all nodes agree, and
// each client has heard of each member once.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hub/presence_nodes.h"

namespace starling::hub {
namespace {

using Change = PresenceNodes::Change;
using Form = Presence::Form;
using Id = PresenceNodes::NodeId;

constexpr Presence::Limits limits{1000, 16 << 20};

struct World;

// A node with the guarantees of server::Nodes: streams in order, gaps that are told, rooms that become
// known some time after they were joined.
struct SimNode final : PresenceNodes::Link {
    SimNode(World& w, Id i);
    void joined(const std::string& channel) override;
    void left(const std::string& channel) override;
    void publish(const std::string& channel, std::string bytes) override;
    void send(Id to, std::string bytes) override;
    void fence(const std::string& channel, uint64_t serial) override;
    void ask(const std::string& channel, uint64_t serial, std::string bytes) override;
    void confirm(const std::string& channel, uint64_t ticket, std::vector<Id> heirs,
                 std::string bytes) override;
    void changed() noexcept override {}

    struct Member {
        std::string client, channel, user;
    };
    World& world;
    const Id id;
    std::set<std::string> rooms;
    std::map<Id, std::set<std::string>> known;  // Rooms of other nodes, as far as this one knows.
    std::vector<Member> members;
    std::map<std::string, std::set<std::string>> heard;  // What a client here knows of a channel.
    PresenceNodes nodes;
};

struct World {
    explicit World(uint32_t seed) : random(seed) {
        for (Id id = 1; id <= 4; ++id) nodes.push_back(std::make_unique<SimNode>(*this, id));
        for (const auto& a : nodes)
            for (const auto& b : nodes)
                if (a != b) a->nodes.on_node(b->id, Change::here);
    }
    using Call = std::function<void(SimNode& to)>;
    void post(Id from, Id to, Call call) { streams[{from, to}].push_back(std::move(call)); }
    SimNode& node(Id id) { return *nodes[id - 1]; }
    bool cut(Id a, Id b) const { return cuts.contains(std::minmax(a, b)); }

    struct Reports {
        size_t leaves = 0;
        bool is_there = false;  // As of the last one.
    };
    // What the application hears of a user.
    void report(const PresenceChange& change) {
        const PresenceMember& member = change.member;
        Reports& one = reports[{change.channel, member.user.empty() ? member.client : member.user}];
        one.is_there = change.joined;
        one.leaves += change.joined ? 0 : 1;
    }
    void step() {
        SimNode& node = *nodes[random() % nodes.size()];
        switch (random() % 8) {
            case 0: return enter(node);
            case 1: return leave(node);
            case 2: return node.nodes.flush();
            case 3: now_ms += 100; return node.nodes.tick(now_ms);
            case 4:
                if (!calm && random() % 20 == 0) partition();
                return;
            default: return receive();
        }
    }
    void enter(SimNode& node) {
        const std::string channel = "ch" + std::to_string(random() % 2);
        enter(node, channel, random() % 2 ? "u" + std::to_string(random() % 3) : "");
    }
    void enter(SimNode& node, const std::string& channel, const std::string& user) {
        const std::string client = "x" + std::to_string(++clients);
        if (!node.nodes.is_held(channel)) node.heard.erase(channel);
        const auto entered = node.nodes.enter(channel, Form::users, {client, user, ""}, now_ms);
        if (entered.change) change(node, *entered.change), report(*entered.change);
        node.members.push_back({client, channel, user});
        ++connections[{channel, user.empty() ? client : user}];
    }
    void leave(SimNode& node) {
        if (!node.members.empty()) leave(node, random() % node.members.size());
    }
    void leave(SimNode& node, size_t index) {
        const auto member = node.members[index];
        node.members.erase(node.members.begin() + static_cast<ptrdiff_t>(index));
        std::string key = Presence::key_of(Form::users, member.client, member.user);
        if (const auto left = node.nodes.leave({member.channel, std::move(key)})) {
            change(node, *left);
            report(*left);
        }
        --connections[{member.channel, member.user.empty() ? member.client : member.user}];
    }
    static void change(SimNode& node, const PresenceChange& change) {
        const std::string& name =
            change.member.user.empty() ? change.member.client : change.member.user;
        auto& heard = node.heard[change.channel];
        if (change.joined)
            EXPECT_TRUE(heard.insert(name).second) << name;
        else
            EXPECT_EQ(heard.erase(name), 1U) << name;
    }
    void receive() {
        std::vector<std::pair<Id, Id>> ready;
        for (const auto& [pair, stream] : streams)
            if (!stream.empty() && !cut(pair.first, pair.second)) ready.push_back(pair);
        if (ready.empty()) return;
        const auto [from, to] = ready[random() % ready.size()];
        auto& stream = streams[{from, to}];
        const Call call = std::move(stream.front());
        stream.pop_front();
        if (lossy && random() % 50 == 0) return node(to).nodes.on_gap(from);
        call(node(to));
    }
    void partition() {
        const Id a = 1 + random() % 4, b = 1 + random() % 4;
        if (a == b) return;
        const auto pair = std::minmax(a, b);
        const bool heals = cuts.erase(pair) > 0;
        if (!heals) cuts.insert(pair);
        for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
            node(one).nodes.on_node(other, heals ? Change::here : Change::away);
            if (heals && lossy && random() % 2) {  // The queue was full.
                streams[{other, one}].clear();
                node(one).nodes.on_gap(other);
            }
        }
        // A lost rumour of rooms is repeated, as the real nodes do.
        if (heals) tell_rooms(a, b), tell_rooms(b, a);
    }
    void tell_rooms(Id from, Id to) {
        post(from, to, [from, rooms = node(from).rooms](SimNode& at) { at.known[from] = rooms; });
    }
    void settle() {
        lossy = false;
        while (!cuts.empty()) {
            const auto [a, b] = *cuts.begin();
            cuts.erase(cuts.begin());
            node(a).nodes.on_node(b, Change::here);
            node(b).nodes.on_node(a, Change::here);
        }
        for (const auto& a : nodes)
            for (const auto& b : nodes)
                if (a != b) tell_rooms(a->id, b->id);
        for (int round = 0; round < 120; ++round) {
            now_ms += 1000;
            for (const auto& each : nodes) each->nodes.tick(now_ms);
            for (int i = 0; i < 100; ++i) receive();
        }
        while (std::ranges::any_of(streams, [](const auto& s) { return !s.second.empty(); }))
            receive();
    }

    std::minstd_rand random;
    std::vector<std::unique_ptr<SimNode>> nodes;
    std::map<std::pair<Id, Id>, std::deque<Call>> streams;
    std::set<std::pair<Id, Id>> cuts;
    uint64_t now_ms = 0, clients = 0;
    bool lossy = true, calm = false;
    // By channel and user.
    std::map<std::pair<std::string, std::string>, Reports> reports;
    std::map<std::pair<std::string, std::string>, size_t> connections;
};

SimNode::SimNode(World& w, Id i)
    : world(w), id(i), nodes(limits, [this](const PresenceChange& change, bool reports) {
          World::change(*this, change);
          if (reports) world.report(change);
      }) {
    nodes.connect(*this, id);
}
void SimNode::joined(const std::string& channel) {
    rooms.insert(channel);
    for (Id to = 1; to <= 4; ++to)
        if (to != id) world.tell_rooms(id, to);
}
void SimNode::left(const std::string& channel) {
    rooms.erase(channel);
    for (Id to = 1; to <= 4; ++to)
        if (to != id) world.tell_rooms(id, to);
}
void SimNode::publish(const std::string& channel, std::string bytes) {
    for (const auto& [to, held] : known)
        if (held.contains(channel)) send(to, bytes);
}
void SimNode::send(Id to, std::string bytes) {
    world.post(id, to, [from = id, bytes = std::move(bytes), &w = world](SimNode& at) {
        at.nodes.on_message(from, bytes, w.now_ms);
    });
}
void SimNode::fence(const std::string& channel, uint64_t serial) {
    const auto left = std::make_shared<size_t>(1);
    const auto done = [this, left, channel, serial] {
        if (--*left == 0) nodes.fenced(channel, serial);
    };
    for (Id to = 1; to <= 4; ++to) {
        if (to == id || world.cut(id, to)) continue;
        ++*left;
        world.post(id, to, [this, done](SimNode& at) {
            world.post(at.id, id, [done](SimNode&) { done(); });
        });
    }
    world.post(id, id, [done](SimNode&) { done(); });
}
void SimNode::ask(const std::string& channel, uint64_t serial, std::string bytes) {
    const auto left = std::make_shared<size_t>(1);
    const auto done = [this, left, channel, serial] {
        if (--*left == 0) nodes.asked(channel, serial, 0);
    };
    for (const auto& [to, held] : known) {
        if (!held.contains(channel) || world.cut(id, to)) continue;
        ++*left;
        world.post(id, to, [this, bytes, done](SimNode& at) {
            world.post(at.id, id,
                       [this, from = at.id, done,
                        answer = at.nodes.on_question(id, bytes, world.now_ms)](SimNode&) {
                           nodes.answered(from, answer, world.now_ms);
                           done();
                       });
        });
    }
    world.post(id, id, [done](SimNode&) { done(); });
}
void SimNode::confirm(const std::string& channel, uint64_t ticket, std::vector<Id> heirs,
                      std::string bytes) {
    const auto left = std::make_shared<size_t>(heirs.size());
    const auto missing = std::make_shared<size_t>(0);
    const auto done = [this, left, missing, channel, ticket] {
        if (--*left == 0) nodes.settled(channel, ticket, *missing);
    };
    for (const Id to : heirs) {
        if (world.cut(id, to)) {
            ++*missing;
            world.post(id, id, [done](SimNode&) { done(); });
            continue;
        }
        world.post(id, to, [this, bytes, done, channel, ticket](SimNode& at) {
            static_cast<void>(at.nodes.on_question(id, bytes, world.now_ms));
            world.post(at.id, id, [this, from = at.id, done, channel, ticket](SimNode&) {
                nodes.confirmed(channel, ticket, from);
                done();
            });
        });
    }
}

TEST(PresenceNodes, SomeNodeReportsThatAUserLeftByChance) {
    for (uint32_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed);
        world.lossy = false;
        world.calm = true;
        for (int i = 0; i < 300; ++i) world.step();
        for (const auto& node : world.nodes)
            while (node->members.size() > seed % 4) world.leave(*node);
        world.settle();
        // Not the reverse: the report of a node that has not heard of a newcomer may be the last.
        for (const auto& [user, one] : world.reports) {
            if (world.connections[user] == 0)
                EXPECT_FALSE(one.is_there) << user.first << " " << user.second;
        }
        for (const auto& node : world.nodes)
            for (const auto& channel : {"ch0", "ch1"})
                EXPECT_EQ(node->nodes.is_held(channel),
                          std::ranges::any_of(node->members, [&](const auto& member) {
                              return member.channel == channel;
                          }));
        if (testing::Test::HasFailure()) return;
    }
}

TEST(PresenceNodes, OneOfTwoNodesReportsThatAUserLeftByChance) {
    for (uint32_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed);
        world.lossy = false;
        SimNode &a = world.node(1 + seed % 3), &b = world.node(4);
        if (seed % 2) world.enter(world.node(1 + seed % 4), "c", "other");
        world.enter(a, "c", "ann");
        world.enter(b, "c", "ann");
        for (int i = 0; i < 2; ++i) world.settle();
        for (int i = 0; i < 20; ++i) {
            SimNode& node = world.random() % 2 ? a : b;
            switch (world.random() % 4) {
                case 0:
                    if (!node.members.empty() && node.members.back().user == "ann")
                        world.leave(node, node.members.size() - 1);
                    break;
                case 1: node.nodes.flush(); break;
                default: world.receive();
            }
        }
        for (SimNode* const node : {&a, &b})
            if (!node->members.empty() && node->members.back().user == "ann")
                world.leave(*node, node->members.size() - 1);
        world.settle();
        const World::Reports ann = world.reports[{"c", "ann"}];
        EXPECT_EQ(ann.leaves, 1U);
        if (testing::Test::HasFailure()) return;
    }
}

TEST(PresenceNodes, AllNodesAgreeByChance) {
    for (uint32_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed);
        for (int i = 0; i < 600; ++i) world.step();
        world.settle();
        std::map<std::string, std::set<std::string>> truth;
        std::map<std::string, size_t> connections;
        for (const auto& node : world.nodes)
            for (const auto& member : node->members) {
                truth[member.channel].insert(member.user.empty() ? member.client : member.user);
                ++connections[member.channel];
            }
        for (const auto& node : world.nodes)
            for (const auto& [channel, members] : truth) {
                if (!node->nodes.is_held(channel)) continue;
                const auto list = node->nodes.members().list(channel, 1000);
                EXPECT_EQ(list.users, members.size()) << node->id << channel;
                EXPECT_EQ(list.connections, connections[channel]) << node->id << channel;
                EXPECT_EQ(node->heard[channel], members) << node->id << channel;
            }
        if (testing::Test::HasFailure()) return;
    }
}

}  // namespace
}  // namespace starling::hub
