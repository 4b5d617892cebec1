// History and presence of channels over the nodes of a cluster, with a real Redis.
#include <starling/cluster.h>
#include <starling/server.h>

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/history/scripts.h"
#include "tests/server/events/fixture.h"
#include "tests/server/nodes/redis_server.h"

namespace starling::server::test {
namespace {

constexpr events::History some{.messages = 1000, .age = std::chrono::minutes(10)};

struct ClusterNode : EventServer {
    ClusterNode(const std::string& url, const std::string& name, unsigned workers = 2)
        : EventServer({}, workers) {
        channels.declare({.pattern = "news", .history = some});
        channels.declare({.pattern = "short", .history = {.messages = 2}});
        channels.declare({.pattern = "brief", .history = {.messages = 9, .age = 100ms}});
        channels.declare({.pattern = "room{n}",
                          .presence = events::Presence::users,
                          .publishers = events::Publishers::anyone});
        cluster = &join_cluster(server, {.url = url, .name = name, .request_timeout = 10s});
        channels.on_leave([this](std::string_view, const events::PresenceMember& who) {
            left.fetch_add(who.user == "ann" ? 1 : 0);
        });
        start();
    }
    events::Published say(const std::string& channel, const std::string& event) {
        std::promise<events::Published> published;
        channels.publish(channel, event,
                         [&](const events::Published& p) { published.set_value(p); });
        return published.get_future().get();
    }
    events::HistoryPage page(const std::string& channel, events::HistoryQuery query = {}) {
        std::promise<events::HistoryPage> page;
        EXPECT_TRUE(channels.history(channel, std::move(query), [&](events::HistoryPage found) {
            page.set_value(std::move(found));
        }));
        return page.get_future().get();
    }
    events::PresenceList members(const std::string& channel) {
        std::promise<events::PresenceList> list;
        channels.presence(channel, 100,
                          [&](events::PresenceList found) { list.set_value(std::move(found)); });
        return list.get_future().get();
    }
    starling::Cluster* cluster = nullptr;
    std::atomic<int> left{0};
};

struct Heard {
    void add(const std::string& one) {
        const std::lock_guard lock(mutex);
        texts.push_back(one);
    }
    std::vector<std::string> all() {
        const std::lock_guard lock(mutex);
        return texts;
    }
    std::unique_ptr<events::Listener> listen(ClusterNode& node, const std::string& since = "") {
        return node.channels.listen("news", [this](const events::Event& event) { add(event.text); },
                                    {.since = since,
                                     .begun = [this](bool recovered) { begun = recovered ? 1 : 0; },
                                     .lost = {}});
    }
    bool reaches(size_t count) {
        return eventually([&] { return all().size() >= count; });
    }
    std::mutex mutex;
    std::vector<std::string> texts;
    std::atomic<int> begun{-1};
};

std::string shown(const events::HistoryPage& page) {
    std::string text = page.offset + (page.recovered ? "" : " lost") + (page.more ? " more" : "");
    for (const auto& event : page.events) text += " " + event.offset + "=" + event.text;
    return text;
}

struct Cluster {
    RedisServer redis;
    std::vector<std::unique_ptr<ClusterNode>> nodes;
    explicit Cluster(size_t count) {
        for (size_t i = 0; i < count; ++i)
            nodes.push_back(std::make_unique<ClusterNode>(redis.url(), "n" + std::to_string(i)));
        for (const auto& node : nodes)
            EXPECT_TRUE(eventually([&] { return node->cluster->stats().nodes == count; }));
    }
    ClusterNode& operator[](size_t i) { return *nodes[i]; }
};

TEST(RedisHistory, PagesAreTheSameOnAllNodes) {
    Cluster nodes(2);
    std::vector<std::string> offsets;
    for (const char* text : {"a", "b", "c", "d"})
        offsets.push_back(nodes[offsets.size() % 2].say("news", text).offset);
    for (const auto& node : nodes.nodes) {
        const std::string all =
            offsets[0] + "=a " + offsets[1] + "=b " + offsets[2] + "=c " + offsets[3] + "=d";
        EXPECT_EQ(shown(node->page("news")), offsets[3] + " " + all);
        EXPECT_EQ(shown(node->page("news", {.since = offsets[0], .limit = 2})),
                  offsets[3] + " more " + offsets[1] + "=b " + offsets[2] + "=c");
        EXPECT_EQ(shown(node->page("news", {.since = "1-other"})), offsets[3] + " lost " + all);
    }
    for (const char* text : {"a", "b", "c"}) nodes[0].say("short", text);
    EXPECT_EQ(nodes[1].page("short").events.size(), 2U);
    nodes[0].say("brief", "x");
    EXPECT_TRUE(eventually([&] { return nodes[1].page("brief").events.empty(); }));
    EXPECT_EQ(nodes[1].page("brief").offset.substr(0, 2), "1-");
}

// Publications that wait for Redis while their server stops.
struct Stop {
    explicit Stop(unsigned workers) : node(redis.url(), "n", workers) {
        EXPECT_FALSE(node.say("news", "first").refused);
    }
    void publish() {
        for (auto& one : calls)
            node.channels.publish("news", "x", [&](const events::Published& published) {
                one.fetch_add(1);
                refused.fetch_add(published.refused ? 1 : 0);
            });
    }
    void end() {
        node.server.stop();
        node.server.wait();
    }
    [[nodiscard]] bool was_each_called(int times_min) const {
        return std::ranges::all_of(calls,
                                   [&](const auto& one) { return one >= times_min && one <= 1; });
    }
    [[nodiscard]] bool knows_that_redis_is_away() const {
        return eventually([&] { return !node.cluster->stats().connected; });
    }
    std::array<std::atomic<int>, 200> calls{};
    std::atomic<size_t> refused{0};
    RedisServer redis;
    ClusterNode node;  // Ends before what its callbacks use.
};

TEST(RedisHistory, AtAStopPublishersGetTheirAnswersOnce) {
    Stop there(1);
    there.publish();
    there.end();
    EXPECT_TRUE(there.was_each_called(1));
    EXPECT_EQ(there.refused, 0U);

    Stop away(1);
    away.redis.kill();
    ASSERT_TRUE(away.knows_that_redis_is_away());
    away.publish();
    away.end();
    EXPECT_TRUE(away.was_each_called(1));
    EXPECT_EQ(away.refused, away.calls.size());

    Stop dying(1);
    dying.publish();
    dying.redis.kill();
    dying.end();
    EXPECT_TRUE(dying.was_each_called(1));
}

// The end does not wait for what is under way if it is asked for twice, and other workers may end first.
TEST(RedisHistory, AStopAtOnceCallsNobodyTwice) {
    for (const unsigned workers : {1U, 2U}) {
        Stop frozen(workers);
        frozen.redis.signal(SIGSTOP);
        frozen.publish();
        frozen.node.server.stop();
        frozen.end();
        EXPECT_TRUE(frozen.was_each_called(0));
        frozen.redis.signal(SIGCONT);
    }
    Stop dying(2);
    dying.publish();
    dying.redis.kill();
    dying.end();
    EXPECT_TRUE(dying.was_each_called(0));
}

TEST(RedisHistory, AnExceptionOfTheApplicationIsLoggedWhereItIsThrown) {
    Cluster nodes(1);
    const auto thrower = [](const auto&) { throw std::runtime_error("by the application"); };
    nodes[0].channels.publish("news", "a", thrower);
    EXPECT_TRUE(nodes[0].channels.history("news", {}, thrower));
    EXPECT_TRUE(eventually([&] { return nodes[0].stats().handler_exceptions == 2; }));
    EXPECT_FALSE(nodes[0].say("news", "b").refused);
    EXPECT_EQ(nodes[0].page("news").events.size(), 2U);
    EXPECT_EQ(nodes[0].cluster->stats().losses, 0U);
}

TEST(RedisHistory, WhatClientsCannotGetIsRefused) {
    Cluster nodes(1);
    EXPECT_FALSE(nodes[0].say("news", "a").refused);
    EXPECT_FALSE(nodes[0].page("news").failed);
    const std::string set = R"(HSET "starling:history:{news}:state" e )";
    ASSERT_EQ(nodes.redis.ask(set + R"("x\n\ndata: y")"), ":0\r\n");
    EXPECT_TRUE(nodes[0].page("news").failed);
    EXPECT_TRUE(nodes[0].say("news", "b").refused);
    ASSERT_EQ(nodes.redis.ask(set + "good"), ":0\r\n");
    EXPECT_FALSE(nodes[0].page("news").failed);
    const std::string add = R"(XADD "starling:history:{news}" 3-0 t 9999999999999 i x:1 d "\xC3")";
    ASSERT_EQ(nodes.redis.ask(add), "$3\r\n3-0\r\n");
    ASSERT_EQ(nodes.redis.ask(R"(HSET "starling:history:{news}:state" o 3)"), ":0\r\n");
    EXPECT_TRUE(nodes[0].page("news").failed);
}

TEST(RedisHistory, ListenersOfAllNodesGetEachEventOnceAndInOneOrder) {
    Cluster nodes(3);
    Heard heard[3], late;
    std::unique_ptr<events::Listener> listeners[3];
    for (size_t i = 0; i < 3; ++i) listeners[i] = heard[i].listen(nodes[i]);
    for (auto& each : heard) ASSERT_TRUE(eventually([&] { return each.begun >= 0; }));
    constexpr size_t each = 60;
    std::string first;
    for (size_t i = 0; i < each; ++i)
        for (size_t n = 0; n < 3; ++n) {
            const std::string text = std::to_string(n) + ":" + std::to_string(i);
            if (first.empty())
                first = nodes[n].say("news", text).offset;
            else
                nodes[n].channels.publish("news", text);
        }
    const auto again = late.listen(nodes[2], first);
    for (auto& one : heard) ASSERT_TRUE(one.reaches(3 * each));
    ASSERT_TRUE(late.reaches(3 * each - 1));
    const auto all = heard[0].all();
    EXPECT_EQ(all.size(), 3 * each);
    EXPECT_EQ(heard[1].all(), all);
    EXPECT_EQ(heard[2].all(), all);
    EXPECT_EQ(late.all(), std::vector<std::string>(all.begin() + 1, all.end()));
    EXPECT_EQ(late.begun, 1);
    for (size_t n = 0; n < 3; ++n) {  // The order of each publisher.
        std::vector<std::string> own, sent;
        std::ranges::copy_if(all, std::back_inserter(own), [&](const std::string& text) {
            return text.starts_with(std::to_string(n) + ":");
        });
        for (size_t i = 0; i < each; ++i)
            sent.push_back(std::to_string(n) + ":" + std::to_string(i));
        EXPECT_EQ(own, sent);
    }
}

// A client of starling.v1.
struct Member {
    Member(ClusterNode& node, const std::string& user)
        : client(node.port(), "/ws/channels",
                 "Sec-WebSocket-Protocol: starling.v1\r\nAuthorization: Bearer " +
                     token(user, 3600) + "\r\n") {
        static_cast<void>(client.next());
        client.send_text(R"({"type":"subscribe","id":1,"channel":"room1","presence":true})");
        answer = client.next();
    }
    [[nodiscard]] bool is_told(const std::string& type, const std::string& user) {
        const std::string text = client.next();
        return text.find("\"type\":\"" + type + "\"") != std::string::npos &&
               text.find("\"user\":\"" + user + "\"") != std::string::npos;
    }
    [[nodiscard]] bool lists(const std::string& user) const {
        return answer.find("\"user\":\"" + user + "\"") != std::string::npos;
    }
    WsClient client;
    std::string answer;
};

TEST(ClusterPresence, IsThatOfAllNodes) {
    Cluster nodes(3);
    auto ann = std::make_unique<Member>(nodes[0], "ann");
    EXPECT_TRUE(ann->lists("ann")) << ann->answer;
    auto bob = std::make_unique<Member>(nodes[1], "bob");
    EXPECT_TRUE(bob->lists("ann") && bob->lists("bob")) << bob->answer;
    EXPECT_TRUE(ann->is_told("join", "bob"));
    // The third node has no member, and asks.
    EXPECT_EQ(nodes[2].members("room1").members.size(), 2U);
    EXPECT_EQ(nodes[2].members("room1").connections, 2U);
    EXPECT_TRUE(nodes[2].channels.presence("room1").members.empty());
    EXPECT_EQ(nodes[1].channels.presence("room1").members.size(), 2U);
    // A second connection of ann, on another node: nobody hears of it.
    auto second = std::make_unique<Member>(nodes[1], "ann");
    EXPECT_NE(second->answer.find("\"users\":2,\"connections\":3"), std::string::npos);
    EXPECT_TRUE(eventually([&] { return nodes[0].channels.presence("room1").connections == 3; }));
    ann.reset();
    EXPECT_TRUE(eventually([&] { return nodes[2].members("room1").connections == 2; }));
    second.reset();
    EXPECT_TRUE(bob->is_told("leave", "ann"));
    EXPECT_TRUE(eventually([&] { return nodes[0].left + nodes[1].left == 1; }));
    EXPECT_EQ(nodes[2].members("room1").members.size(), 1U);
}

TEST(ClusterPresence, AUserThatLeavesTwoNodesAtOnceLeavesOnce) {
    Cluster nodes(2);
    const auto reach = [&nodes](size_t connections) {
        return eventually([&] {
            return nodes[0].channels.presence("room1").connections == connections &&
                   nodes[1].channels.presence("room1").connections == connections;
        });
    };
    for (int round = 1; round <= 20; ++round) {
        auto one = std::make_unique<Member>(nodes[0], "ann");
        auto other = std::make_unique<Member>(nodes[1], "ann");
        ASSERT_TRUE(reach(2));
        one.reset();
        other.reset();
        ASSERT_TRUE(eventually([&] { return nodes[0].left + nodes[1].left >= round; })) << round;
        ASSERT_TRUE(reach(0));
        EXPECT_EQ(nodes[0].left + nodes[1].left, round);
    }
}

TEST(HistoryKeys, HaveOneHashTag) {
    const struct {
        std::string channel, stream;
    } rows[] = {
        {"news", "p:history:{news}"},
        {"a{b}c", "p:history:{a%7Bb%7Dc}"},
        {"}", "p:history:{%7D}"},
        {"100%", "p:history:{100%25}"},
    };
    for (const auto& [channel, stream] : rows) {
        const HistoryKeys keys = history_keys("p:", channel);
        EXPECT_EQ(keys.stream, stream);
        EXPECT_EQ(keys.state, stream + ":state");
    }
}

}  // namespace
}  // namespace starling::server::test
