// The topics of one worker, without a server: tables of calls, a model, and the memory of topics.
#include "hub/hub.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/lifetime.h"
#include "base/text.h"

namespace starling::hub {
namespace {

struct RecordingBus final : Bus {
    void publish(const Message& message) override {
        text += "bus " + std::string(message.topic) + " ";
    }
    void subscribers_changed(const base::HashedText& changed, int change) override {
        const std::string_view topic = changed.text;
        counts[std::string(topic)] += change;
        if (counts[std::string(topic)] == 0) counts.erase(std::string(topic));
    }
    std::string text;
    std::map<std::string, int> counts;
};

struct Member final : Subscriber {
    explicit Member(std::string n, std::string* to = nullptr) : name(std::move(n)), out(to) {}
    void deliver(Publication& publication) override {
        ++delivered;
        if (!out) return;
        auto& encoded = publication.encodings[0];
        const bool made = !encoded;
        if (made) encoded = base::SharedBytes::copy(publication.message.bytes);
        *out += name + (made ? " makes " : " gets ") + std::string(base::text_of(encoded.view())) +
                (publication.message.binary ? " binary" : "") + ", ";
    }
    std::string name;
    std::string* out;
    int delivered = 0;
};

Message message(std::string_view topic, std::string_view text, bool binary = false) {
    return {topic, base::bytes_of(text), binary};
}

TEST(Hub, JoinTellsWhatBecameOfIt) {
    RecordingBus bus;
    Hub hub(bus);
    Member a("a");
    struct Case {
        std::string topic;
        size_t topics_max;
        Hub::Join outcome;
    };
    const Case cases[] = {
        {"t", 2, Hub::Join::joined},
        {"t", 2, Hub::Join::already},
        {"t", 0, Hub::Join::already},  // A smaller limit removes no membership.
        {"", 2, Hub::Join::bad_name},
        {std::string(256, 'x'), 2, Hub::Join::bad_name},
        {std::string(255, 'x'), 2, Hub::Join::joined},
        {"u", 2, Hub::Join::too_many},
        {"u", 3, Hub::Join::joined},
        {std::string("u\0v", 3), 4, Hub::Join::joined},  // Names are bytes.
    };
    for (const auto& one : cases) EXPECT_EQ(hub.join(a, one.topic, one.topics_max), one.outcome);
    EXPECT_EQ(hub.topics(), 4u);
    EXPECT_EQ(bus.counts.size(), 4u);
    hub.leave_all(a);
    hub.leave_all(a);
    EXPECT_EQ(hub.topics(), 0u);
    EXPECT_TRUE(bus.counts.empty());
}

TEST(Hub, ARefusedJoinLeavesNoTopicBehind) {
    RecordingBus bus;
    Hub hub(bus);
    Member a("a");
    EXPECT_EQ(hub.join(a, "t", 0), Hub::Join::too_many);
    EXPECT_EQ(hub.topics(), 0u);
    EXPECT_FALSE(hub.leave(a, "t"));
}

TEST(Hub, LeaveTellsWhetherThereWasSomethingToLeave) {
    RecordingBus bus;
    Hub hub(bus);
    Member a("a"), b("b");
    EXPECT_FALSE(hub.leave(a, "t"));
    (void)hub.join(a, "t", 10);
    EXPECT_FALSE(hub.leave(b, "t"));
    EXPECT_TRUE(hub.leave(a, "t"));
    EXPECT_FALSE(hub.leave(a, "t"));
    EXPECT_EQ(hub.subscribers("t"), 0u);
    EXPECT_EQ(hub.topics(), 0u);
}

TEST(Hub, PublishesInTheOrderOfJoiningWithOneEncodingAndToTheBusOnce) {
    RecordingBus bus;
    Hub hub(bus);
    std::string out;
    Member a("a", &out), b("b", &out), c("c", &out);
    for (Member* member : {&a, &b, &c}) (void)hub.join(*member, "t", 10);
    hub.publish(message("t", "1"));
    EXPECT_EQ(out, "a makes 1, b gets 1, c gets 1, ");
    out.clear();
    hub.publish(message("t", "2", true), &a);
    EXPECT_EQ(out, "b makes 2 binary, c gets 2 binary, ");
    out.clear();
    hub.deliver(message("t", "3"), &b);
    EXPECT_EQ(out, "a makes 3, c gets 3, ");
    out.clear();
    hub.publish(message("nobody here", "4"));
    EXPECT_EQ(out, "");
    EXPECT_EQ(bus.text,
              "bus t bus t bus nobody here ");  // The bus gets nothing back.
    for (Member* member : {&a, &b, &c}) hub.leave_all(*member);
}

// Removing a member moves the last member to its place; all others still get every message.
TEST(Hub, EveryOrderOfLeavingKeepsTheRest) {
    std::vector<size_t> order{0, 1, 2, 3, 4};
    do {
        RecordingBus bus;
        Hub hub(bus);
        std::vector<std::unique_ptr<Member>> members;
        for (int i = 0; i < 5; ++i) {
            members.push_back(std::make_unique<Member>(std::to_string(i)));
            (void)hub.join(*members.back(), "t", 10);
        }
        int expected = 5;
        for (const size_t leaving : order) {
            ASSERT_TRUE(hub.leave(*members[leaving], "t"));
            --expected;
            for (auto& member : members) member->delivered = 0;
            hub.publish(message("t", "x"));
            int delivered = 0;
            for (auto& member : members) delivered += member->delivered;
            ASSERT_EQ(delivered, expected);
            ASSERT_EQ(members[leaving]->delivered, 0);
        }
    } while (std::ranges::next_permutation(order).found);
}

TEST(Hub, AgreesWithAModel) {
    RecordingBus bus;
    Hub hub(bus);
    constexpr size_t members_count = 20, topics_count = 12, topics_max = 6;
    std::vector<std::unique_ptr<Member>> members;
    for (size_t i = 0; i < members_count; ++i)
        members.push_back(std::make_unique<Member>(std::to_string(i)));
    std::vector<std::set<std::string>> model(members_count);
    std::mt19937 random(20240229);
    const auto below = [&](size_t n) { return size_t(random()) % n; };
    for (int step = 0; step < 50'000; ++step) {
        const size_t who = below(members_count);
        const std::string topic = "t" + std::to_string(below(topics_count));
        auto& mine = model[who];
        switch (below(8)) {
            case 0:
            case 1:
            case 2:
            case 3: {
                const bool already = mine.contains(topic), fits = mine.size() < topics_max;
                ASSERT_EQ(hub.join(*members[who], topic, topics_max), already ? Hub::Join::already
                                                                      : fits  ? Hub::Join::joined
                                                                             : Hub::Join::too_many);
                if (fits) mine.insert(topic);
                break;
            }
            case 4:
            case 5: ASSERT_EQ(hub.leave(*members[who], topic), mine.erase(topic) == 1); break;
            case 6:
                if (below(10) != 0) break;
                hub.leave_all(*members[who]);
                mine.clear();
                break;
            default: {
                for (auto& member : members) member->delivered = 0;
                hub.publish(message(topic, "x"), members[who].get());
                size_t subscribers = 0;
                for (size_t i = 0; i < members_count; ++i) {
                    const bool in = model[i].contains(topic);
                    subscribers += in;
                    ASSERT_EQ(members[i]->delivered, in && i != who) << step << " " << i;
                }
                ASSERT_EQ(hub.subscribers(topic), subscribers);
            }
        }
    }
    for (auto& member : members) hub.leave_all(*member);
    EXPECT_EQ(hub.topics(), 0u);
    EXPECT_TRUE(bus.counts.empty());
}

struct SummingBus final : Bus {
    void publish(const Message&) override {}
    void subscribers_changed(const base::HashedText&, int change) override { sum += change; }
    int sum = 0;
};

TEST(Hub, AMillionTopicsComeAndGo) {
    SummingBus bus;
    Hub hub(bus);
    Member a("a");
    for (int i = 0; i < 1'000'000; ++i) {
        const std::string topic = "t" + std::to_string(i);
        ASSERT_EQ(hub.join(a, topic, 1), Hub::Join::joined);
        if (i % 2) {
            hub.leave_all(a);
        } else {
            ASSERT_TRUE(hub.leave(a, topic));
        }
    }
    EXPECT_EQ(hub.topics(), 0u);
    EXPECT_EQ(bus.sum, 0);
}

// The Bus may make other subscribers leave and join when it is notified of a topic's end.
TEST(Hub, OthersLeaveWhileOneLeavesAll) {
    struct CallingBus final : Bus {
        void publish(const Message&) override {}
        void subscribers_changed(const base::HashedText& topic, int change) override {
            if (change < 0 && call) call(topic.text);
        }
        std::function<void(std::string_view)> call;
    };
    CallingBus bus;
    Hub hub(bus);
    Member a("a"), b("b");
    for (const char* topic : {"1", "2", "3"}) EXPECT_EQ(hub.join(b, topic, 9), Hub::Join::joined);
    for (const char* topic : {"own", "1", "2", "3"})
        EXPECT_EQ(hub.join(a, topic, 9), Hub::Join::joined);
    bool again = true;
    bus.call = [&](std::string_view topic) {
        if (topic == "own") hub.leave_all(b);  // Moves the other members to the front.
        if (topic != "2" || hub.subscribers("2") > 0 || !std::exchange(again, false)) return;
        EXPECT_EQ(hub.join(b, "2", 9), Hub::Join::joined);  // The topic is created and ends again.
        hub.leave_all(b);
    };
    hub.leave_all(a);
    EXPECT_EQ(hub.topics(), 0u);
    EXPECT_TRUE(hub.topics_of(a).empty());
    EXPECT_TRUE(hub.topics_of(b).empty());
}

// This test asserts no time. If each step searched all topics of the other member, it would take
// very long.
TEST(Hub, TwoShareManyTopics) {
    RecordingBus bus;
    Hub hub(bus);
    Member a("a"), b("b");
    constexpr size_t count = 50'000;
    for (size_t i = 0; i < count; ++i) {
        const std::string topic = std::to_string(i);
        EXPECT_EQ(hub.join(a, topic, count), Hub::Join::joined);
        EXPECT_EQ(hub.join(b, topic, count), Hub::Join::joined);
        EXPECT_EQ(hub.join(b, topic, count), Hub::Join::already);
    }
    for (size_t i = 0; i < count; i += 2) EXPECT_TRUE(hub.leave(a, std::to_string(i)));
    hub.leave_all(a);
    EXPECT_EQ(hub.topics(), count);
    hub.leave_all(b);
    EXPECT_EQ(hub.topics(), 0u);
}

#if defined(STARLING_ASSERTIONS)
TEST(HubDeathTest, OnlyItsOwnThreadTouchesIt) {
    RecordingBus bus;
    const int mine = 0, other = 0;
    Hub hub(bus, &mine);
    Member a("a");
    const auto on_thread_of = [](const void* runs, auto&& call) {
        const void* const outer = std::exchange(base::running, runs);
        call();
        base::running = outer;
    };
    on_thread_of(&mine, [&] { EXPECT_EQ(hub.join(a, "x", 1), Hub::Join::joined); });
    const auto deliver = [&] { hub.deliver(message("x", "m")); };
    EXPECT_DEATH(on_thread_of(&other, deliver), "hub.cpp:.*on_own_thread");
    EXPECT_DEATH(on_thread_of(&other, [&] { hub.leave(a, "x"); }), "hub.cpp:.*on_own_thread");
    on_thread_of(&mine, deliver);
    EXPECT_EQ(a.delivered, 1);
    hub.leave_all(a);  // A thread that runs no loop takes everything down.
}

TEST(HubDeathTest, ASubscriberLeavesBeforeItEnds) {
    RecordingBus bus;
    Hub hub(bus);
    EXPECT_DEATH(
        {
            Member a("a");
            hub.join(a, "x", 1);
        },
        "hub.cpp:.*dies while it is in a topic");
}
#endif

}  // namespace
}  // namespace starling::hub
