// Channels without a history over the nodes of a cluster in memory. The suite is named MultiWorker for
// the run under ThreadSanitizer.
#include <gtest/gtest.h>
#include <starling/server.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/events/history.h"
#include "tests/fake/nodes.h"
#include "tests/server/events/fixture.h"

namespace starling::server::test {
namespace {

// starling.v1 over a WebSocket.
struct V1Client : WsClient {
    explicit V1Client(uint16_t port)
        : WsClient(port, "/ws/channels", "Sec-WebSocket-Protocol: starling.v1\r\n") {
        EXPECT_NE(frame().payload.find("welcome"), std::string::npos);
    }
    void ask(const std::string& type, const std::string& channel, const std::string& rest = "") {
        send_text(R"({"type":")" + type + R"(","channel":")" + channel + R"(","id":"1")" + rest +
                  "}");
    }
    // When it returns, the events of all nodes come.
    void subscribe(const std::string& channel) {
        ask("subscribe", channel);
        EXPECT_NE(frame().payload.find("subscribed"), std::string::npos);
    }
};

struct EventNodes {
    explicit EventNodes(size_t count = 3, unsigned workers = 2, hub::History* history = nullptr) {
        if (history) cluster.share(*history);
        cluster.hold_fences(history != nullptr);
        for (size_t i = 0; i < count; ++i) {
            nodes.push_back(std::make_unique<EventServer>(events::Options{}, workers));
            nodes[i]->channels.declare(
                {.pattern = "Open{n}", .interval = 0ms, .publishers = events::Publishers::anyone});
            nodes[i]->channels.declare({.pattern = "Slow{n}", .interval = 1h});
            nodes[i]->channels.declare(
                {.pattern = "Kept{n}", .history = {.messages = 10, .age = 1min}});
            cluster.add(nodes[i]->server, "n" + std::to_string(i));
        }
        for (auto& node : nodes) node->start();
        cluster.meet();
    }
    EventServer& operator[](size_t i) { return *nodes[i]; }
    [[nodiscard]] size_t sent() { return cluster.sent(Nodes::Kind::channels); }

    FakeCluster cluster;
    std::vector<std::unique_ptr<EventServer>> nodes;
};

TEST(MultiWorkerEventNodes, EventsReachTheListenersOfEveryKindOnOtherNodes) {
    EventNodes t;
    WsClient plain(t[0].port(), "/ws/ServerEvent?Ref=Open1");
    Client stream(t[1].port());
    stream.send("GET /sse/ServerEvent?Ref=Open1 HTTP/1.1\r\nHost: here\r\n\r\n");
    stream.read_until("\r\n\r\n");
    V1Client v1(t[1].port());
    v1.subscribe("Open1");
    V1Client here(t[2].port());
    here.subscribe("Open1");
    std::promise<std::string> heard;
    const auto listener = t[0].channels.listen(
        "Open1", [&heard](const events::Event& event) { heard.set_value(event.text); });
    // A subscription that is answered after the listener within the program has entered its room.
    V1Client(t[0].port()).subscribe("Open1");

    EXPECT_EQ(t[2].publish_one("Open1", "GotNew"), R"(200 {"delivered":1,"limited":0})");
    EXPECT_EQ(plain.next(), "text(WS Server Event:GotNew)");
    EXPECT_NE(stream.read_until("\n\n").find("GotNew"), std::string::npos);
    EXPECT_NE(v1.frame().payload.find(R"("GotNew")"), std::string::npos);
    EXPECT_NE(here.frame().payload.find(R"("GotNew")"), std::string::npos);
    EXPECT_EQ(heard.get_future().get(), "GotNew");
    EXPECT_EQ(t.sent(), 2u);  // One publication for each other node.

    here.ask("publish", "Open1", R"(,"data":"by a client")");
    EXPECT_NE(v1.frame().payload.find("by a client"), std::string::npos);
    EXPECT_EQ(plain.next(), "text(WS Server Event:by a client)");
}

TEST(MultiWorkerEventNodes, EachThreadsEventsArriveInOrder) {
    EventNodes t;
    V1Client client(t[1].port());
    client.subscribe("Open1");
    constexpr int each = 300;
    std::vector<std::thread> threads;
    for (int p = 0; p < 2; ++p)
        threads.emplace_back([&t, p] {
            for (int i = 0; i < each; ++i)
                t[size_t(2 * p)].channels.publish(
                    "Open1", "p" + std::to_string(p) + " " + std::to_string(i));
        });
    int next[2] = {0, 0};
    for (int i = 0; i < 2 * each; ++i) {
        const std::string text = client.frame().payload;
        const size_t at = text.find("\"p");
        ASSERT_NE(at, std::string::npos) << text;
        const int p = text[at + 2] - '0';
        ASSERT_EQ(std::atoi(text.c_str() + at + 4), next[p]++) << text;
    }
    for (auto& thread : threads) thread.join();
}

TEST(EventNodes, TheIntervalHoldsWhicheverNodePublished) {
    EventNodes t(3, 1);
    V1Client client(t[0].port());
    client.subscribe("Slow1");
    client.subscribe("Open1");
    t[1].publish_one("Slow1", "first");
    EXPECT_NE(client.frame().payload.find("\"first\""), std::string::npos);
    for (int i = 0; i < 9; ++i) t[size_t(i % 3)].publish_one("Slow1", "within the interval");
    for (const size_t i : {0u, 1u, 2u}) t[i].publish_one("Open1", "mark");
    for (int i = 0; i < 3; ++i) {
        const std::string text = client.frame().payload;
        EXPECT_NE(text.find("\"mark\""), std::string::npos) << text;
    }
    EXPECT_EQ(t[0].publish_one("Slow1", "here"), R"(200 {"delivered":0,"limited":1})");
}

TEST(EventNodes, NodesWithoutListenersGetNothing) {
    EventNodes t(3, 2);
    t[0].publish_one("Open1", "nobody");
    EXPECT_EQ(t.sent(), 0u);
    {
        V1Client client(t[1].port());
        client.subscribe("Open1");
        EXPECT_EQ(t.cluster.members(1, Nodes::Kind::channels, "Open1"), 1u);
        t[0].publish_one("Open1", "one");
        EXPECT_EQ(t.sent(), 1u);
        client.ask("unsubscribe", "Open1");
        EXPECT_TRUE(
            eventually([&] { return t.cluster.members(1, Nodes::Kind::channels, "Open1") == 0; }));
    }
    // Channels with a history have a way of their own.
    V1Client kept(t[1].port());
    kept.subscribe("Kept1");
    t[1].publish_one("Kept1", "here");
    EXPECT_NE(kept.frame().payload.find("here"), std::string::npos);
    EXPECT_EQ(t.cluster.members(1, Nodes::Kind::channels, "Kept1"), 0u);
    EXPECT_EQ(t.sent(), 1u);
}

TEST(EventNodes, ASubscriptionIsAnsweredWhenTheOtherNodesKnow) {
    EventNodes t(2, 1);
    t.cluster.hold_fences(true);
    V1Client client(t[0].port());
    client.ask("subscribe", "Open1");
    client.ask("subscribe", "Open2");
    client.ask("unsubscribe", "Open1");  // Before the answer.
    EXPECT_NE(client.frame().payload.find("\"ack\""), std::string::npos);
    {  // A client that leaves while it waits.
        V1Client gone(t[0].port());
        gone.ask("subscribe", "Open3");
        EXPECT_TRUE(
            eventually([&] { return t.cluster.members(0, Nodes::Kind::channels, "Open3") == 1; }));
    }
    EXPECT_TRUE(
        eventually([&] { return t.cluster.members(0, Nodes::Kind::channels, "Open3") == 0; }));
    t.cluster.hold_fences(false);
    const std::string answer = client.frame().payload;
    EXPECT_NE(answer.find("subscribed"), std::string::npos) << answer;
    EXPECT_NE(answer.find("Open2"), std::string::npos) << answer;
    t[1].publish_one("Open2", "event");
    EXPECT_NE(client.frame().payload.find("\"event\""), std::string::npos);
}

TEST(EventNodes, WithoutOtherNodesASubscriptionIsAnsweredAfterAMoment) {
    EventNodes t(1, 1);
    t.cluster.hold_fences(true);  // As while Redis is away.
    V1Client client(t[0].port());
    client.subscribe("Open1");
}

TEST(EventNodes, AStartThatFailedIsForgotten) {
    FakeCluster cluster;
    EventServer node;
    node.channels.declare({.pattern = "Here{n}", .presence = events::Presence::connections});
    cluster.add(node.server, "n");
    cluster.fail_start(0);
    EXPECT_THROW(node.start(), std::runtime_error);
    node.start();
    V1Client first(node.port()), second(node.port());
    for (V1Client* const client : {&first, &second}) {
        client->ask("subscribe", "Here1", R"(,"presence":true)");
        EXPECT_NE(client->frame().payload.find("subscribed"), std::string::npos);
    }
    EXPECT_NE(first.frame().payload.find("join"), std::string::npos);
}

TEST(EventNodes, MalformedEventsAreIgnoredAndCounted) {
    EventNodes t(1, 1);
    V1Client client(t[0].port());
    client.subscribe("Open1");
    const auto before = t[0].stats().protocol_errors;
    t.cluster.inject(0, Nodes::Kind::channels, "Open1", "\xC3", false);
    t.cluster.inject(0, Nodes::Kind::channels, std::vector<std::string>{"Open1", "Open1"}, "twice",
                     false);
    t.cluster.inject(0, Nodes::Kind::channels, "no such channel", "x", false);
    t.cluster.inject(0, Nodes::Kind::channels, "Open1", "a question", true);
    t.cluster.inject(0, Nodes::Kind::channels, "Open1", "good", false);
    EXPECT_NE(client.frame().payload.find("\"good\""), std::string::npos);
    EXPECT_EQ(t[0].stats().protocol_errors, before + 2);
}

// Asks until all that was posted before has been done, and what that posted too.
bool gets_before_the_answers(V1Client& client, std::string_view event) {
    bool got = false;
    for (int i = 0; i < 3; ++i) {
        client.ask("unsubscribe", "Kept2");
        std::string frame = client.frame().payload;
        if (frame.find(event) != std::string::npos) {
            got = true;
            frame = client.frame().payload;
        }
        EXPECT_NE(frame.find(R"("id":"1")"), std::string::npos) << frame;
    }
    return got;
}

TEST(EventNodes, WhatANodeAppendsBeforeItKnowsOfThisOneIsRead) {
    SharedHistory history("e", 1 << 20);
    EventNodes t(2, 1, &history);
    const auto both_have_met = [&t] { return t.cluster.held_fences() == 2; };
    ASSERT_TRUE(eventually(both_have_met));
    t.cluster.hold_fences(false);
    V1Client client(t[0].port());
    client.subscribe("Kept1");
    t.cluster.lose_publications();
    t.cluster.hold_fences(true);
    t.cluster.meet();
    ASSERT_TRUE(eventually(both_have_met));
    EXPECT_FALSE(gets_before_the_answers(client, "early"));
    EXPECT_EQ(t[1].publish_one("Kept1", "early"),
              R"(200 {"delivered":0,"limited":0,"offset":"1-e0"})");
    EXPECT_FALSE(gets_before_the_answers(client, "early"));
    t.cluster.hold_fences(false);
    EXPECT_TRUE(gets_before_the_answers(client, "early"));
}

TEST(EventNodes, ALostNodeGoesOnAlone) {
    EventNodes t(2, 1);
    V1Client a(t[0].port()), b(t[1].port());
    a.subscribe("Open1");
    b.subscribe("Open1");
    t.cluster.lose(1);
    t[0].publish_one("Open1", "zero");
    t[1].publish_one("Open1", "one");
    EXPECT_NE(a.frame().payload.find("\"zero\""), std::string::npos);
    EXPECT_NE(b.frame().payload.find("\"one\""), std::string::npos);
}

}  // namespace
}  // namespace starling::server::test
