// History and presence of channels in C++: listeners within the program, pages, and the handlers.
#include <gtest/gtest.h>
#include <starling/server.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/events/fixture.h"

namespace starling::server::test {
namespace {

constexpr events::History some{.messages = 10'000, .age = std::chrono::minutes(10)};

struct HistoryServer : EventServer {
    explicit HistoryServer(unsigned workers = 2, events::Options options = {})
        : EventServer(std::move(options), workers) {
        channels.declare({.pattern = "news", .history = some});
        channels.declare({.pattern = "room{n}",
                          .history = some,
                          .presence = events::Presence::users,
                          .publishers = events::Publishers::anyone});
    }
    // Publishes, and returns the offset.
    std::string say(const std::string& channel, const std::string& event) {
        std::promise<std::string> offset;
        channels.publish(channel, event,
                         [&](const events::Published& p) { offset.set_value(p.offset); });
        return offset.get_future().get();
    }
    events::HistoryPage page(const std::string& channel, events::HistoryQuery query) {
        std::promise<events::HistoryPage> page;
        EXPECT_TRUE(channels.history(channel, std::move(query), [&](events::HistoryPage found) {
            page.set_value(std::move(found));
        }));
        return page.get_future().get();
    }
};

// What a listener has got.
struct Heard {
    void add(const std::string& one) {
        const std::lock_guard lock(mutex);
        texts.push_back(one);
    }
    std::vector<std::string> all() {
        const std::lock_guard lock(mutex);
        return texts;
    }
    bool reaches(size_t count) {
        return eventually([&] { return all().size() >= count; });
    }
    std::mutex mutex;
    std::vector<std::string> texts;
};

std::string shown(const std::vector<events::Event>& events) {
    std::string text;
    for (const auto& event : events) text += (text.empty() ? "" : " ") + event.text;
    return text;
}

TEST(EventsHistory, PagesInCpp) {
    HistoryServer t;
    t.start();
    std::vector<std::string> offsets;
    for (const char* text : {"a", "b", "c", "d"}) offsets.push_back(t.say("news", text));
    EXPECT_EQ(shown(t.page("news", {}).events), "a b c d");
    EXPECT_EQ(shown(t.page("news", {.limit = 2}).events), "c d");
    const auto next = t.page("news", {.since = offsets[0], .limit = 2});
    EXPECT_EQ(shown(next.events), "b c");
    EXPECT_TRUE(next.recovered);
    EXPECT_TRUE(next.more);
    EXPECT_EQ(next.offset, offsets[3]);
    EXPECT_EQ(next.events[0].offset, offsets[1]);
    EXPECT_FALSE(t.page("news", {.since = "1-other"}).recovered);
    const auto nothing = [](const events::HistoryPage&) {};
    EXPECT_FALSE(t.channels.history("ApiIndex", {}, nothing));
    EXPECT_FALSE(t.channels.history("unknown", {}, nothing));
    EXPECT_EQ(t.say("ApiIndex", "x"), "");
    EXPECT_EQ(t.stats().history_messages, 4U);
    EXPECT_GT(t.stats().history_bytes, 0U);
}

TEST(EventsHistory, AListenerGetsEachEventOnceFromAllThreads) {
    HistoryServer t;
    t.start();
    const std::string before = t.say("news", "before");
    t.say("news", "missed");
    Heard heard, again;
    std::atomic<int> begun{-1}, begun_wrong{-1};
    const auto listener = t.channels.listen(
        "news", [&](const events::Event& event) { heard.add(event.text); },
        {.since = before, .begun = [&](bool recovered) { begun = recovered; }, .lost = {}});
    const auto wrong = t.channels.listen(
        "news", [](const events::Event&) {},
        {.since = "7-x", .begun = [&](bool recovered) { begun_wrong = recovered; }, .lost = {}});
    constexpr int each = 200;
    std::vector<std::thread> publishers;
    for (const char* name : {"p", "q", "r"})
        publishers.emplace_back([&t, name] {
            for (int i = 0; i < each; ++i) {
                const auto call = [&t, text = name + std::to_string(i)] {
                    t.channels.publish("news", text);
                };
                // Also on the workers, where the publisher's own worker delivers at once.
                if (i % 2 == 0 || !t.server.post(static_cast<unsigned>(i / 2 % 2), call)) call();
            }
        });
    // Somebody else begins in the middle, from the same offset.
    EXPECT_TRUE(heard.reaches(50));
    std::unique_ptr<events::Listener> second;
    std::promise<void> made;
    t.server.post(1U, [&] {
        second = t.channels.listen(
            "news", [&](const events::Event& event) { again.add(event.text); }, {.since = before});
        made.set_value();
    });
    made.get_future().get();
    for (auto& publisher : publishers) publisher.join();
    ASSERT_TRUE(heard.reaches(3 * each + 1));
    ASSERT_TRUE(again.reaches(3 * each + 1));
    EXPECT_EQ(heard.all(), again.all());  // In the same order.
    EXPECT_EQ(heard.all().front(), "missed");
    const auto all = heard.all();
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
    EXPECT_EQ(begun, 1);
    EXPECT_TRUE(eventually([&] { return begun_wrong == 0; }));
    EXPECT_EQ(t.channels.listen("unknown", [](const events::Event&) {}), nullptr);
}

TEST(EventsHistory, AListenerThatEndsItself) {
    HistoryServer t(1);
    t.start();
    Heard heard;
    std::unique_ptr<events::Listener> listener;
    std::promise<void> made;
    t.server.post([&] {
        listener = t.channels.listen("news", [&](const events::Event& event) {
            heard.add(event.text);
            listener.reset();
        });
        made.set_value();
    });
    made.get_future().get();
    for (const char* text : {"one", "two", "three"}) t.say("news", text);
    EXPECT_TRUE(heard.reaches(1));
    t.say("news", "four");
    EXPECT_EQ(heard.all(), (std::vector<std::string>{"one"}));
}

TEST(EventsHistory, AListenerThatThrowsGoesOn) {
    HistoryServer t(1);
    t.start();
    Heard heard;
    const auto listener = t.channels.listen("news", [&](const events::Event& event) {
        heard.add(event.text);
        throw std::runtime_error("no");
    });
    t.say("news", "one");
    t.say("news", "two");
    EXPECT_TRUE(heard.reaches(2));
}

TEST(EventsHistory, AListenerOutlivesItsServer) {
    std::unique_ptr<events::Listener> listener;
    {
        HistoryServer t;
        EXPECT_THROW(static_cast<void>(t.channels.listen("news", [](const events::Event&) {})),
                     std::logic_error);
        t.start();
        listener = t.channels.listen("news", [](const events::Event&) {});
    }
    listener.reset();
}

TEST(EventsHistory, DeclarationsThatAreWrong) {
    EventServer t;
    const std::vector<events::Channel> wrong = {
        {.pattern = "a", .interval = 1s, .history = some},
        {.pattern = "a", .history = {.messages = 100'001}},
        {.pattern = "a", .history = {.messages = 1, .age = 0s}},
        {.pattern = "a", .history = {.messages = 1, .age = 366 * 24h}},
        {.pattern = "a", .publishers = events::Publishers::owner},
    };
    for (const auto& channel : wrong)
        EXPECT_THROW(t.channels.declare(channel), std::invalid_argument);
    t.channels.declare({.pattern = "a", .interval = 0ms, .history = some});
}

TEST(EventsHistory, TheApplicationAllowsAndIsTold) {
    Heard told;
    HistoryServer t;
    t.channels.on_subscribe([](const events::ClientRequest& who) {
        return who.channel != "roomSecret" && who.client.size() == 16;
    });
    t.channels.on_publish([](const events::ClientRequest& who) { return who.text != "bad"; });
    t.channels.on_join([&](std::string_view channel, const events::PresenceMember& who) {
        told.add("join " + std::string(channel) + " " + who.user + who.info);
    });
    t.channels.on_leave([&](std::string_view channel, const events::PresenceMember& who) {
        told.add("leave " + std::string(channel) + " " + who.user);
        throw std::runtime_error("the member leaves all the same");
    });
    t.start();
    const std::string fields = "Sec-WebSocket-Protocol: starling.v1\r\nAuthorization: Bearer " +
                               token("ada", 3600) + "\r\n";
    auto client = std::make_unique<WsClient>(t.port(), "/ws/channels", fields);
    ASSERT_EQ(client->handshake().status, 101);
    EXPECT_TRUE(client->next().starts_with("text({\"type\":\"welcome\""));
    const auto ask = [&](const std::string& text) {
        client->send_text(text);
        return client->next();
    };
    const std::string refused = R"(,"code":403,"message":"the application refuses"}))";
    EXPECT_EQ(ask(R"({"type":"subscribe","id":1,"channel":"roomSecret"})"),
              R"(text({"type":"error","id":1,"channel":"roomSecret")" + refused);
    EXPECT_EQ(ask(R"({"type":"publish","id":2,"channel":"room1","data":"bad"})"),
              R"(text({"type":"error","id":2,"channel":"room1")" + refused);
    EXPECT_TRUE(ask(R"({"type":"publish","id":3,"channel":"room1","data":"good"})")
                    .starts_with(R"(text({"type":"ack","id":3,"channel":"room1","offset":"1-)"));
    EXPECT_TRUE(ask(R"({"type":"subscribe","id":4,"channel":"room1","presence":true,"info":7})")
                    .starts_with(R"(text({"type":"subscribed","id":4,)"));
    const auto list = t.channels.presence("room1");
    ASSERT_EQ(list.members.size(), 1U);
    EXPECT_EQ(list.members[0].user, "ada");
    EXPECT_EQ(list.members[0].info, "7");
    EXPECT_EQ(t.stats().presence_members, 1U);
    client.reset();
    EXPECT_TRUE(told.reaches(2));
    EXPECT_EQ(told.all(), (std::vector<std::string>{"join room1 ada7", "leave room1 ada"}));
    EXPECT_TRUE(eventually([&] { return t.channels.presence("room1").connections == 0; }));
    EXPECT_TRUE(t.channels.presence("room1").members.empty());
}

TEST(EventsHistory, ARecoveryThatIsTooLargeIsNotMade) {
    HistoryServer t(1, {.recovery_bytes_max = 1000});
    t.start();
    const std::string first = t.say("news", "x");
    for (int i = 0; i < 4; ++i) t.say("news", std::string(300, 'y'));
    const auto subscribe = [&](const std::string& since) {
        WsClient client(t.port(), "/ws/channels", "Sec-WebSocket-Protocol: starling.v1\r\n");
        static_cast<void>(client.next());
        client.send_text(R"({"type":"subscribe","channel":"news","since":")" + since + "\"}");
        return client.next();
    };
    EXPECT_NE(subscribe(first).find(R"("recovered":false,"messages":[])"), std::string::npos);
    const auto page = t.page("news", {.since = first});
    EXPECT_EQ(page.events.size(), 3U);
    EXPECT_TRUE(page.more);
    EXPECT_NE(subscribe(page.events[0].offset).find(R"("recovered":true)"), std::string::npos);
}

TEST(EventsHistory, AListOfMembersIsBoundedInBytes) {
    HistoryServer t(1, {.recovery_bytes_max = 1000});
    t.start();
    const std::string info = '"' + std::string(400, 'i') + '"';
    const auto members_in = [&](const std::string& text) {
        size_t count = 0;
        for (size_t at = 0; (at = text.find(info, at)) != std::string::npos; at += info.size())
            ++count;
        return count;
    };
    std::vector<std::unique_ptr<WsClient>> clients;
    std::string answer;
    for (size_t i = 1; i <= 3; ++i) {
        clients.push_back(std::make_unique<WsClient>(t.port(), "/ws/channels",
                                                     "Sec-WebSocket-Protocol: starling.v1\r\n"));
        static_cast<void>(clients.back()->next());
        clients.back()->send_text(
            R"({"type":"subscribe","channel":"room1","presence":true,"info":)" + info + "}");
        answer = clients.back()->next();
        EXPECT_EQ(members_in(answer), std::min<size_t>(i, 2)) << answer;
        EXPECT_EQ(answer.find(R"("more":true)") != std::string::npos, i == 3) << answer;
    }
    clients.back()->send_text(R"({"type":"presence","id":1,"channel":"room1"})");
    answer = clients.back()->next();
    EXPECT_EQ(members_in(answer), 2U) << answer;
    EXPECT_NE(answer.find(R"("users":3,"connections":3,"more":true)"), std::string::npos) << answer;
    Client api(t.port());
    const std::string page = api.request(
                                    "GET /api/presence?channel=room1 HTTP/1.1\r\nHost: here\r\n"
                                    "X-Api-Key: a-key-for-publishers\r\n\r\n")
                                 .body;
    EXPECT_EQ(members_in(page), 2U) << page;
    EXPECT_NE(page.find(R"("more":true)"), std::string::npos) << page;
}

}  // namespace
}  // namespace starling::server::test
