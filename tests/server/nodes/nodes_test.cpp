// The nodes of several servers over a real Redis. tests/cluster/native has their state machine.
#include "server/nodes.h"

#include <starling/cluster.h>
#include <starling/server.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "server/cluster/join.h"
#include "tests/server/fixture.h"
#include "tests/server/nodes/redis_server.h"

namespace starling::server {
namespace {

using namespace std::chrono_literals;
using test::RedisServer;
using test::Transcript;
using Kind = Nodes::Kind;

// Writes down what comes, and answers questions with "NAME:PAYLOAD".
class Listener final : public Nodes::Member {
public:
    Listener(std::string name, Nodes& nodes) : name_(std::move(name)), nodes_(nodes) {}

    void on_publication(const Nodes::Incoming& in) override {
        if (in.payload == "throw") throw std::runtime_error("on purpose");
        std::string line = "<";
        for (const auto room : in.rooms) line.append(room).append("> ");
        heard.add(line + std::string(in.payload));
    }
    void on_question(const Nodes::Incoming& in) override {
        if (in.payload == "silence") return;
        nodes_.answer(in.from, in.question, "first", false);
        nodes_.answer(in.from, in.question, name_ + ":" + std::string(in.payload), true);
    }
    void on_gap(Nodes::Id, uint64_t publications) override {
        heard.add("gap " + std::to_string(publications));
    }
    void on_node(Nodes::Id, std::string_view name, Nodes::Change change) override {
        heard.add(std::string(name) + (change == Nodes::Change::here ? " here" : " changed"));
    }

    Transcript heard;

private:
    const std::string name_;
    Nodes& nodes_;
};

class Process {
public:
    Process(const std::string& url, const std::string& name, size_t queue_bytes_max = 1u << 20)
        : server_({.listen = "127.0.0.1:0",
                   .workers = 2,
                   .drain_timeout = 5s,
                   .handle_signals = false,
                   .log = std::make_shared<test::MemoryLog>()}),
          cluster_(join_cluster(server_, {.url = url,
                                          .name = name,
                                          .request_timeout = 10s,
                                          .queue_bytes_max = queue_bytes_max,
                                          .required = true})),
          topics(name, nodes()),
          channels(name, nodes()) {
        nodes().add(Kind::presence, topics);
        nodes().add(Kind::channels, channels);
        server_.start();
    }
    ~Process() { stop(); }
    void stop() {
        server_.stop();
        server_.wait();
    }

    [[nodiscard]] Nodes& nodes() { return dynamic_cast<JoinedCluster&>(cluster_).own_nodes(); }
    [[nodiscard]] const Cluster& cluster() const { return cluster_; }
    // Runs the call on a worker, and waits for it.
    void on(unsigned worker, const std::function<void()>& call) {
        std::promise<void> done;
        ASSERT_TRUE(server_.post(worker, [&] {
            call();
            done.set_value();
        }));
        done.get_future().wait();
    }
    // Every node sends to this one what it publishes to the rooms that it has joined.
    void fence(unsigned worker = 1) {
        std::promise<void> passed;
        on(worker, [&] { nodes().fence([&] { passed.set_value(); }); });
        ASSERT_EQ(passed.get_future().wait_for(10s), std::future_status::ready);
    }

private:
    Server server_;
    Cluster& cluster_;

public:
    Listener topics, channels;
};

// What a question got, and on which thread that was told.
struct Asked {
    std::vector<std::string> answers;
    Nodes::Outcome outcome;
    bool on_caller = false;
};
Asked ask(Process& process, unsigned worker, Kind kind, const Nodes::Target& target,
          const std::string& payload) {
    const auto asked = std::make_shared<Asked>();
    std::promise<void> done;
    process.on(worker, [&] {
        process.nodes().ask(
            kind, target, payload,
            [asked](Nodes::Id, std::string_view text) { asked->answers.emplace_back(text); },
            [asked, &done, caller = std::this_thread::get_id()](const Nodes::Outcome& outcome) {
                asked->outcome = outcome;
                asked->on_caller = caller == std::this_thread::get_id();
                done.set_value();
            });
    });
    done.get_future().wait();
    std::ranges::sort(asked->answers);
    return *asked;
}

bool know(const Process& process, size_t nodes) {
    return test::eventually([&] { return process.cluster().stats().nodes == nodes; });
}

TEST(RedisNodes, PublicationsReachTheHoldersOnceAndInOrder) {
    RedisServer redis;
    Process a(redis.url(), "a"), b(redis.url(), "b"), c(redis.url(), "c");
    ASSERT_TRUE(know(a, 3) && know(b, 3) && know(c, 3));
    for (const unsigned worker : {0u, 1u})
        b.on(worker, [&] { b.nodes().joined(Kind::presence, "news"); });
    c.on(1, [&] { c.nodes().joined(Kind::channels, "news"); });
    b.fence(), c.fence(0);
    a.on(1, [&] {
        for (int i = 0; i < 100; ++i)
            a.nodes().publish(Kind::presence, {.rooms = {"none", "news"}}, std::to_string(i));
        a.nodes().publish(Kind::channels, {.rooms = {"news"}}, "of channels");
        a.nodes().publish(Kind::presence, {.everyone = true}, "last");
    });
    a.on(0, [&] { a.nodes().publish(Kind::channels, {.nodes = {b.nodes().self()}}, "named"); });
    std::string wanted;
    for (int i = 0; i < 100; ++i) wanted += "<none> news> " + std::to_string(i) + ", ";
    ASSERT_TRUE(b.topics.heard.wait_for("<last"));
    ASSERT_TRUE(c.topics.heard.wait_for("<last") && b.channels.heard.wait_for("<named"));
    ASSERT_TRUE(c.channels.heard.wait_for("<news> of channels"));
    const std::string text = b.topics.heard.text();
    EXPECT_NE(text.find(wanted + "<last"), std::string::npos) << text;
    EXPECT_EQ(c.topics.heard.text().find("news"), std::string::npos);
    EXPECT_EQ(b.channels.heard.count("<news> of channels"), 0u);
    EXPECT_EQ(a.topics.heard.count("<last"), 0u);  // Its own members are the caller's matter.
    // Both workers have left: b no longer gets them. c still does.
    for (const unsigned worker : {0u, 1u})
        b.on(worker, [&] { b.nodes().left(Kind::presence, "news"); });
    b.fence();
    a.on(1, [&] {
        a.nodes().publish(Kind::presence, {.rooms = {"news"}}, "late");
        a.nodes().publish(Kind::presence, {.everyone = true}, "end");
    });
    ASSERT_TRUE(b.topics.heard.wait_for("<end"));
    EXPECT_EQ(b.topics.heard.count("<news> late"), 0u);
}

TEST(RedisNodes, WhatATickPublishesIsOneMessageForEachNode) {
    RedisServer redis;
    Process a(redis.url(), "a"), b(redis.url(), "b");
    ASSERT_TRUE(know(a, 2) && know(b, 2));
    b.on(0, [&] { b.nodes().joined(Kind::presence, "news"); });
    b.fence();
    const uint64_t before = a.cluster().stats().sent;
    a.on(0, [&] {
        for (int i = 0; i < 1000; ++i) a.nodes().publish(Kind::presence, {.rooms = {"news"}}, "x");
        a.nodes().publish(Kind::presence, {.rooms = {"news"}}, "last");
    });
    ASSERT_TRUE(b.topics.heard.wait_for("<news> last"));
    EXPECT_EQ(b.topics.heard.count("<news> x"), 1000u);
    // One batch; the others are confirmations.
    EXPECT_LT(a.cluster().stats().sent - before, 20u);
}

TEST(RedisNodes, QuestionsAreAnsweredOnTheWorkerThatAsks) {
    RedisServer redis;
    Process a(redis.url(), "a"), b(redis.url(), "b"), c(redis.url(), "c");
    ASSERT_TRUE(know(a, 3) && know(b, 3) && know(c, 3));
    for (Process* const each : {&b, &c}) {
        each->on(0, [&] { each->nodes().joined(Kind::presence, "news"); });
        each->fence();
    }
    for (const unsigned worker : {0u, 1u}) {
        const Asked all = ask(a, worker, Kind::presence, {.rooms = {"news"}}, "who");
        EXPECT_EQ(all.answers, (std::vector<std::string>{"b:who", "c:who", "first", "first"}));
        EXPECT_EQ(all.outcome.answered, 2u);
        EXPECT_EQ(all.outcome.missing, 0u);
        EXPECT_TRUE(all.on_caller);
        // Nobody holds the room; a named node is not there; one does not answer in time.
        EXPECT_EQ(ask(a, worker, Kind::presence, {.rooms = {"none"}}, "who").outcome.missing, 0u);
        EXPECT_EQ(ask(a, worker, Kind::presence, {.nodes = {42}}, "who").outcome.missing, 1u);
        const Asked silent =
            ask(a, worker, Kind::presence, {.rooms = {"news"}, .wait = 50ms}, "silence");
        EXPECT_EQ(silent.outcome.missing, 2u);
        // The nodes have no such member.
        EXPECT_EQ(ask(a, worker, Kind::gateway, {.everyone = true}, "who").outcome.answered, 2u);
    }
    for (const unsigned worker : {0u, 1u}) {
        std::promise<Nodes::Count> counted;
        bool on_caller = false;
        a.on(worker, [&] {
            a.nodes().joined(Kind::presence, "news");
            a.nodes().count(Kind::presence, "news",
                            [&, caller = std::this_thread::get_id()](const Nodes::Count& count) {
                                on_caller = caller == std::this_thread::get_id();
                                counted.set_value(count);
                            });
        });
        const Nodes::Count count = counted.get_future().get();
        EXPECT_EQ(count.members, 3u + worker);
        EXPECT_EQ(count.missing, 0u);
        EXPECT_TRUE(on_caller);
    }
}

TEST(RedisNodes, WhatIsPublishedWithoutRedisComesOnceAndInOrder) {
    RedisServer redis;
    Process a(redis.url(), "a"), b(redis.url(), "b");
    ASSERT_TRUE(know(a, 2) && know(b, 2));
    b.on(0, [&] { b.nodes().joined(Kind::presence, "news"); });
    b.fence();
    EXPECT_TRUE(test::eventually([&] { return a.cluster().ready(); }));
    redis.kill();
    ASSERT_TRUE(test::eventually([&] { return !a.cluster().stats().connected; }));
    a.on(1, [&] {
        for (int i = 0; i < 1000; ++i)
            a.nodes().publish(Kind::presence, {.rooms = {"news"}}, std::to_string(i));
    });
    const Asked none = ask(a, 1, Kind::presence, {.rooms = {"news"}}, "who");
    EXPECT_EQ(none.outcome.missing, 1u);
    redis.start();
    ASSERT_TRUE(b.topics.heard.wait_for("<news> 999"));
    std::string in_order = "a here", heard = b.topics.heard.text();
    for (int i = 0; i < 1000; ++i) in_order += ", <news> " + std::to_string(i);
    // One of the two may have been back at Redis long before the other: away for a moment.
    const std::string changed = ", a changed";
    for (size_t at = 0; (at = heard.find(changed)) != heard.npos;) heard.erase(at, changed.size());
    EXPECT_EQ(heard, in_order);
    EXPECT_TRUE(test::eventually([&] { return a.cluster().stats().away == 0; }));
}

TEST(RedisNodes, AQueueHasABoundAndItsReceiverHearsOfTheGap) {
    RedisServer redis;
    Process a(redis.url(), "a", 4096), b(redis.url(), "b");
    ASSERT_TRUE(know(a, 2) && know(b, 2));
    b.on(0, [&] { b.nodes().joined(Kind::presence, "news"); });
    b.fence();
    redis.kill();
    ASSERT_TRUE(test::eventually([&] { return !a.cluster().stats().connected; }));
    for (int i = 0; i < 10; ++i)
        a.on(0, [&] {
            a.nodes().publish(Kind::presence, {.rooms = {"news"}}, std::string(1000, 'x'));
            a.nodes().publish(Kind::presence, {.rooms = {"news"}}, std::to_string(i));
        });
    ASSERT_TRUE(test::eventually([&] { return a.cluster().stats().dropped > 0; }));
    redis.start();
    ASSERT_TRUE(b.topics.heard.wait_for("<news> 9"));
    const uint64_t dropped = a.cluster().stats().dropped;
    EXPECT_EQ(b.topics.heard.count("gap " + std::to_string(dropped)), 1u) << b.topics.heard.text();
    EXPECT_TRUE(test::eventually([&] { return b.cluster().stats().lost == dropped; }));
}

TEST(RedisNodes, ANodeThatEndsIsGoneAtOnce) {
    RedisServer redis;
    Process a(redis.url(), "a");
    auto b = std::make_unique<Process>(redis.url(), "b");
    ASSERT_TRUE(know(a, 2) && know(*b, 2));
    EXPECT_EQ(a.cluster().nodes().front().name, "b");
    b->on(1, [&] { b->nodes().publish(Kind::presence, {.everyone = true}, "my last words"); });
    b->stop();
    ASSERT_TRUE(a.topics.heard.wait_for("<my last words"));
    ASSERT_TRUE(a.topics.heard.wait_for("b changed"));
    ASSERT_TRUE(test::eventually([&] { return a.cluster().nodes().empty(); }));
    EXPECT_EQ(a.cluster().name(), "a");
}

TEST(RedisNodes, FaultsOfTheCallerAndOfAHandlerCostNothingElse) {
    RedisServer redis;
    Process a(redis.url(), "a"), b(redis.url(), "b");
    ASSERT_TRUE(know(a, 2) && know(b, 2));
    a.on(0, [&] {
        a.nodes().publish(Kind::presence, {.rooms = {std::string(2000, 'r')}}, "too long a name");
        a.nodes().publish(Kind::presence, {.everyone = true}, std::string(17u << 20, 'x'));
        a.nodes().publish(Kind::presence, {.everyone = true}, "throw");
        a.nodes().publish(Kind::gateway, {.everyone = true}, "nobody listens");
        a.nodes().publish(Kind::presence, {.everyone = true}, "after it");
    });
    ASSERT_TRUE(b.topics.heard.wait_for("<after it"));
    // The figures are shown at the end of a tick.
    EXPECT_TRUE(test::eventually([&] { return a.cluster().stats().failed == 2; }));
    EXPECT_EQ(b.cluster().stats().refused, 0U);  // That nobody listens is no fault.
    EXPECT_EQ(ask(a, 0, Kind::presence, {.rooms = {std::string(2000, 'r')}}, "who").outcome.missing,
              1u);
}

// It cannot hear the others, and does not claim that it does.
TEST(RedisNodes, ANodeThatMayNotSubscribeIsNotReady) {
    RedisServer redis({"--user", "u", "on", ">p", "~*", "&other:*", "+@all"});
    Process a(redis.url("u:p@"), "a");
    ASSERT_TRUE(test::eventually([&] { return a.cluster().stats().failed > 2; }));
    EXPECT_FALSE(a.cluster().ready());
}

// Every call does its part, whatever is away.
TEST(RedisNodes, AServerRunsWithoutItsRedis) {
    RedisServer redis;
    redis.kill();
    Process a(redis.url(), "a");
    EXPECT_FALSE(a.cluster().ready());
    for (const unsigned worker : {0u, 1u}) {
        a.on(worker, [&] {
            a.nodes().joined(Kind::presence, "news");
            a.nodes().publish(Kind::presence, {.rooms = {"news"}}, "nobody");
            a.nodes().answer(7, 7, "to nobody", true);
        });
        EXPECT_EQ(ask(a, worker, Kind::presence, {.everyone = true}, "who").outcome.missing, 1u);
        std::promise<Nodes::Count> counted;
        a.on(worker, [&] {
            a.nodes().count(Kind::presence, "news",
                            [&](const Nodes::Count& count) { counted.set_value(count); });
        });
        EXPECT_EQ(counted.get_future().get().members, worker + 1);
    }
    EXPECT_FALSE(a.cluster().stats().connected);
    EXPECT_TRUE(test::eventually([&] { return a.cluster().stats().losses > 0; }));
    redis.start();
    a.fence();
    EXPECT_TRUE(test::eventually([&] { return a.cluster().ready(); }));
}

}  // namespace
}  // namespace starling::server
