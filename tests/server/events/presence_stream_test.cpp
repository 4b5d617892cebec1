// Presence over Server-Sent Events: /sse/ServerEvent?Ref=...&presence=1. The suite of several nodes is
// named MultiWorker for the run under ThreadSanitizer.
#include <gtest/gtest.h>
#include <starling/server.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "tests/fake/nodes.h"
#include "tests/server/events/fixture.h"

namespace starling::server::test {
namespace {

void declare(events::Channels& channels) {
    channels.declare({.pattern = "room{n}",
                      .interval = 0ms,
                      .presence = events::Presence::users,
                      .publishers = events::Publishers::anyone});
    channels.declare({.pattern = "kept{n}",
                      .history = {.messages = 10, .age = 1min},
                      .presence = events::Presence::connections});
    channels.declare({.pattern = "mine{user}",
                      .access = events::Access::owner,
                      .presence = events::Presence::users});
}

struct PresenceServer : EventServer {
    explicit PresenceServer(events::Options options = {}, unsigned workers = 2,
                            const HttpLimits& http = {})
        : EventServer(std::move(options), workers, http) {
        declare(channels);
    }
};

std::string bearer(std::string_view user) {
    return "Authorization: Bearer " + token(user, 3600) + "\r\n";
}

// An event stream.
struct Stream {
    Stream(uint16_t port, std::string_view query, std::string_view fields = {}) : client(port) {
        client.send("GET /sse/ServerEvent?" + std::string(query) + " HTTP/1.1\r\nHost: here\r\n" +
                    std::string(fields) + "\r\n");
        const std::string head = client.read_until("\r\n\r\n");
        status = std::atoi(head.c_str() + 9);
    }
    // The next event that is no comment and no id alone, with ids of connections as "*".
    std::string next() {
        for (;;) {
            std::string event = client.read_until("\n\n");
            if (event.find("data: ") == std::string::npos && event.ends_with("\n\n")) continue;
            constexpr std::string_view mark = "\"client\":\"";
            for (size_t at = 0; (at = event.find(mark, at)) != std::string::npos;) {
                at += mark.size();
                event.replace(at, event.find('"', at) - at, "*");
            }
            return event;
        }
    }
    Client client;
    int status = 0;
};

std::string change(std::string_view type, std::string_view channel, std::string_view rest) {
    return "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) +
           "\",\"channel\":\"" + std::string(channel) + "\",\"client\":\"*\"" + std::string(rest) +
           "}\n\n";
}

std::string list(std::string_view channel, std::string_view rest) {
    return "event: presence\ndata: {\"type\":\"presence\",\"channel\":\"" + std::string(channel) +
           "\",\"client\":\"*\"," + std::string(rest) + "}\n\n";
}

TEST(PresenceStream, AListenerIsAMemberAndHearsOfOthers) {
    PresenceServer t;
    t.start();
    Stream ann(t.port(), "Ref=room1&presence=1&info=%7B%22n%22%3A1%7D", bearer("ann"));
    EXPECT_EQ(ann.next(), list("room1", R"("users":1,"connections":1,"members":)"
                                        R"([{"client":"*","user":"ann","info":{"n":1}}])"));
    {
        Stream again(t.port(), "Ref=room1&presence=1", bearer("ann"));  // Nobody joins.
        EXPECT_EQ(again.next(), list("room1", R"("users":1,"connections":2,"members":)"
                                              R"([{"client":"*","user":"ann","info":{"n":1}}])"));
        Stream silent(t.port(), "Ref=room1");  // No member, and hears of none.
        Stream bob(t.port(), "Ref=room1&presence=1", bearer("bob"));
        EXPECT_EQ(ann.next(), change("join", "room1", R"(,"user":"bob")"));
        EXPECT_EQ(again.next(), change("join", "room1", R"(,"user":"bob")"));
        EXPECT_NE(bob.next().find(R"("users":2,"connections":3)"), std::string::npos);
        t.publish_one("room1", "hello");
        for (Stream* const one : {&ann, &again, &silent, &bob})
            EXPECT_EQ(one->next(), "data: WS Server Event:hello\n\n");
        EXPECT_EQ(t.channels.presence("room1").connections, 3U);
    }
    EXPECT_EQ(ann.next(), change("leave", "room1", R"(,"user":"bob")"));
    EXPECT_TRUE(eventually([&] { return t.channels.presence("room1").connections == 1; }));
}

TEST(PresenceStream, AClientThatComesBackGetsWhatItMissedAndTheMembers) {
    PresenceServer t;
    t.start();
    t.publish_one("kept1", "before");
    std::string id;
    {
        Stream first(t.port(), "Ref=kept1&presence=1");
        const std::string begins = first.client.read_until("\n\n");
        ASSERT_TRUE(begins.starts_with("id: "));
        id = begins.substr(4, begins.find('\n') - 4);
        EXPECT_EQ(first.next(),
                  list("kept1", R"("users":1,"connections":1,"members":[{"client":"*"}])"));
    }
    // Otherwise the client that comes back hears of the end of the first one.
    ASSERT_TRUE(eventually([&] { return t.channels.presence("kept1").connections == 0; }));
    t.publish_one("kept1", "missed");
    Stream back(t.port(), "Ref=kept1&presence=1", "Last-Event-ID: " + id + "\r\n");
    EXPECT_NE(back.next().find("data: WS Server Event:missed\n"), std::string::npos);
    EXPECT_TRUE(back.next().starts_with("event: presence\n"));
    t.publish_one("kept1", "live");
    EXPECT_NE(back.next().find("data: WS Server Event:live\n"), std::string::npos);
}

TEST(PresenceStream, Refusals) {
    PresenceServer t({.presence_members_max = 1, .presence_info_bytes_max = 20}, 1);
    t.channels.on_subscribe([](const events::ClientRequest& who) { return who.user != "eve"; });
    t.start();
    Stream first(t.port(), "Ref=room1&presence=1");
    first.next();
    const struct {
        std::string query, fields;
        int status;
    } cases[] = {
        {"Ref=room1&presence=yes", "", 400},
        {"Ref=room1&presence=", "", 400},
        {"Ref=ApiIndex&presence=1", "", 400},
        {"Ref=room2&info=1", "", 400},
        {"Ref=room2&presence=0&info=1", "", 400},
        {"Ref=room2&presence=1&info=%7Bn%7D", "", 400},
        {"Ref=room2&presence=1&info=%22%FF%22", "", 400},
        {"Ref=room2&presence=1&info=%22" + std::string(19, 'i') + "%22", "", 413},
        {"Ref=room2&presence=1", bearer("eve"), 403},
        {"Ref=mineann&presence=1", "", 401},
        {"Ref=mineann&presence=1", bearer("bob"), 403},
        {"Ref=room1&presence=1", "", 503},
        {"Ref=room1&presence=0", "", 200},
        {"Ref=room1", bearer("eve"), 200},
        {"Ref=mineann&presence=1", bearer("ann"), 200},
    };
    for (const auto& one : cases)
        EXPECT_EQ(Stream(t.port(), one.query, one.fields).status, one.status) << one.query;
    Client head(t.port());
    EXPECT_EQ(head.request("HEAD /sse/ServerEvent?Ref=room3&presence=1 HTTP/1.1\r\nHost: here\r\n"
                           "\r\n")
                  .status,
              200);
    EXPECT_EQ(t.channels.presence("room3").connections, 0U);
    EXPECT_EQ(t.channels.presence("room2").connections, 0U);
}

TEST(PresenceStream, InfoIsKeptWithoutLineEnds) {
    PresenceServer t({}, 1);
    t.start();
    Stream ann(t.port(), "Ref=room1&presence=1&info=%7B%0D%0A%22n%20%22:%0A1%7D", bearer("ann"));
    EXPECT_EQ(ann.next(), list("room1", R"("users":1,"connections":1,"members":)"
                                        R"([{"client":"*","user":"ann","info":{"n ":1}}])"));
}

TEST(PresenceStream, AListIsNotLongerThanHalfOfTheQueue) {
    constexpr size_t queue_bytes_max = 8192, members = 20, info_bytes = 500;
    PresenceServer t({}, 1, {.stream_queue_bytes_max = queue_bytes_max});
    t.start();
    const std::string query =
        "Ref=room1&presence=1&info=%22" + std::string(info_bytes, 'i') + "%22";
    std::vector<std::unique_ptr<Stream>> others;
    for (size_t i = 1; i < members; ++i) {
        others.push_back(std::make_unique<Stream>(t.port(), query));
        EXPECT_TRUE(others.back()->next().starts_with("event: presence\n"));
    }
    Stream last(t.port(), query);
    const std::string list = last.next();
    EXPECT_NE(list.find(R"("users":20,"connections":20,)"), std::string::npos) << list;
    EXPECT_LT(list.size(), queue_bytes_max / 2 + 256);
    EXPECT_GT(list.size(), queue_bytes_max / 4);
    t.publish_one("room1", "hello");
    EXPECT_EQ(last.next(), "data: WS Server Event:hello\n\n");
}

TEST(PresenceStream, TheEndOfATokenEndsAMemberOfAnOpenChannel) {
    PresenceServer t({}, 1);
    t.start();
    constexpr int64_t soon_s = 5;
    Stream bob(t.port(), "Ref=room1&presence=1", bearer("bob"));
    EXPECT_TRUE(bob.next().starts_with("event: presence\n"));
    Stream ann(t.port(), "Ref=room1&presence=1",
               "Authorization: Bearer " + token("ann", soon_s) + "\r\n");
    EXPECT_NE(ann.next().find(R"("user":"ann")"), std::string::npos);
    EXPECT_EQ(bob.next(), change("join", "room1", R"(,"user":"ann")"));
    EXPECT_EQ(bob.next(), change("leave", "room1", R"(,"user":"ann")"));
    EXPECT_EQ(ann.next(), "<end>");
}

TEST(PresenceStream, TheApplicationIsToldAndMayPublishMeanwhile) {
    std::mutex mutex;  // The server outlives its streams, and still calls the handlers then.
    std::vector<std::string> told;
    const auto tell = [&](std::string text) {
        const std::lock_guard lock(mutex);
        told.push_back(std::move(text));
    };
    PresenceServer t({}, 1);
    t.channels.on_join([&](std::string_view channel, const events::PresenceMember& who) {
        tell("join " + who.user);
        t.channels.publish(channel, who.user + " is here");
    });
    t.channels.on_leave([&](std::string_view channel, const events::PresenceMember& who) {
        tell("leave " + who.user);
        t.channels.publish(channel, who.user + " has left");
    });
    t.start();
    Stream ann(t.port(), "Ref=room1&presence=1", bearer("ann"));
    EXPECT_TRUE(ann.next().starts_with("event: presence\n"));
    {
        Stream bob(t.port(), "Ref=room1&presence=1", bearer("bob"));
        EXPECT_EQ(ann.next(), "data: WS Server Event:bob is here\n\n");
        EXPECT_EQ(ann.next(), change("join", "room1", R"(,"user":"bob")"));
    }
    std::vector<std::string> leaves{ann.next(), ann.next()};
    std::ranges::sort(leaves);
    EXPECT_EQ(leaves[0], "data: WS Server Event:bob has left\n\n");
    EXPECT_EQ(leaves[1], change("leave", "room1", R"(,"user":"bob")"));
    const std::lock_guard lock(mutex);
    EXPECT_EQ(told, (std::vector<std::string>{"join ann", "join bob", "leave bob"}));
}

TEST(PresenceStream, MembersLeaveWhenTheServerStops) {
    PresenceServer t;
    t.start();
    Stream ann(t.port(), "Ref=room1&presence=1");
    EXPECT_TRUE(ann.next().starts_with("event: presence\n"));
    t.server.stop();
    t.server.wait();
    EXPECT_EQ(t.channels.presence("room1").connections, 0U);
}

TEST(MultiWorkerPresenceStream, AListWaitsUntilTheOtherNodesHaveAnswered) {
    FakeCluster cluster;
    std::vector<std::unique_ptr<EventServer>> nodes;
    for (int i = 0; i < 2; ++i) {
        nodes.push_back(std::make_unique<EventServer>(events::Options{}, 1U));
        declare(nodes.back()->channels);
        cluster.add(nodes.back()->server, "n" + std::to_string(i));
    }
    for (auto& node : nodes) node->start();
    cluster.meet();
    Stream bob(nodes[1]->port(), "Ref=room1&presence=1", bearer("bob"));
    EXPECT_NE(bob.next().find(R"("users":1)"), std::string::npos);
    cluster.hold_fences(true);
    Stream ann(nodes[0]->port(), "Ref=room1&presence=1", bearer("ann"));
    auto& channels = nodes[0]->channels;
    EXPECT_TRUE(eventually([&] { return channels.presence("room1").connections > 0; }));
    EXPECT_EQ(channels.presence("room1").missing, 1U);
    std::promise<events::PresenceList> listed;
    channels.presence("room1", 10,
                      [&](events::PresenceList list) { listed.set_value(std::move(list)); });
    cluster.hold_fences(false);
    const auto list = listed.get_future().get();
    EXPECT_EQ(list.members.size(), 2U);
    EXPECT_EQ(list.missing, 0U);
    EXPECT_NE(ann.next().find(R"("users":2,"connections":2,"age_ms":)"), std::string::npos);
}

TEST(MultiWorkerPresenceStream, MembersOfAllNodes) {
    FakeCluster cluster;
    std::vector<std::unique_ptr<EventServer>> nodes;
    for (int i = 0; i < 3; ++i) {
        nodes.push_back(std::make_unique<EventServer>(events::Options{}, 2U));
        declare(nodes.back()->channels);
        cluster.add(nodes.back()->server, "n" + std::to_string(i));
    }
    for (auto& node : nodes) node->start();
    cluster.meet();
    Stream ann(nodes[0]->port(), "Ref=room1&presence=1", bearer("ann"));
    EXPECT_NE(ann.next().find(R"("users":1,"connections":1,"age_ms":)"), std::string::npos);
    Stream bob(nodes[1]->port(), "Ref=room1&presence=1", bearer("bob"));
    const std::string both = bob.next();
    EXPECT_NE(both.find(R"("users":2,"connections":2,"age_ms":)"), std::string::npos);
    EXPECT_NE(both.find(R"("user":"ann")"), std::string::npos);
    EXPECT_EQ(ann.next(), change("join", "room1", R"(,"user":"bob")"));
    nodes[2]->publish_one("room1", "hello");
    for (Stream* const one : {&ann, &bob})
        EXPECT_EQ(one->next(), "data: WS Server Event:hello\n\n");
    // A node without a member asks the others, and says how old the answer is.
    Client other(nodes[2]->port());
    const auto answer = other.request(
        "GET /api/presence?channel=room1 HTTP/1.1\r\nHost: here\r\nX-Api-Key: "
        "a-key-for-publishers\r\n\r\n");
    EXPECT_EQ(answer.status, 200);
    EXPECT_NE(answer.body.find(R"("users":2,"connections":2,"age_ms":)"), std::string::npos);
    cluster.lose(1);
    EXPECT_EQ(ann.next(), change("leave", "room1", R"(,"user":"bob")"));
}

}  // namespace
}  // namespace starling::server::test
