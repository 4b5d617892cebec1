// Publications to large topics, delivered in slices: what each subscriber gets and when, without a
// server.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "hub/hub.h"
#include "hub/slice_size.h"
#include "hub/topic.h"

namespace starling::hub {
namespace {

struct CountingBus final : Bus {
    void publish(const Message&) override {}
    void subscribers_changed(const base::HashedText&, int) override {}
    void slices_begin() override {
        ++begun;
        if (fails) throw std::bad_alloc();
    }
    int begun = 0;
    bool fails = false;
};

// Writes down what it gets.
struct Member final : Subscriber {
    void deliver(Publication& publication) override {
        if (hub) hub->catch_up(*this);  // As a connection does that closes within deliver().
        got += base::text_of(publication.message.bytes);
        if (throws) throw std::runtime_error("deliver");
        if (takes) ++publication.taken;
        if (publication.at_once) ++at_once;
    }
    std::string got;
    bool takes = true, throws = false;
    int at_once = 0;
    Hub* hub = nullptr;
};

class Slices : public ::testing::Test {
protected:
    static constexpr size_t whole_members_max = 3;

    ~Slices() override {
        for (auto& [name, member] : members_) hub_.leave_all(*member);
    }
    // Members are named by letters.
    Member& at(char name) {
        auto& member = members_[name];
        if (!member) member = std::make_unique<Member>();
        return *member;
    }
    void join(const std::string& names, std::string_view topic) {
        for (const char name : names) ASSERT_EQ(hub_.join(at(name), topic, 10), Hub::Join::joined);
    }
    size_t publish(std::string_view topic, std::string_view text, char except = 0) {
        return hub_.publish({topic, base::bytes_of(text), false}, except ? &at(except) : nullptr);
    }
    // Runs slices of `units` until nothing is left. Returns how many were needed.
    int drain(size_t units = 1) {
        int slices = 1;
        while (hub_.deliver_slice(units)) ++slices;
        return slices;
    }
    // What each member has got, in the order of their names.
    std::string state() {
        std::string text;
        for (const auto& [name, member] : members_)
            text += (text.empty() ? "" : " ") + std::string(1, name) + ":" + member->got;
        return text;
    }

    CountingBus bus_;
    Hub hub_{bus_, nullptr, {.whole_members_max = whole_members_max, .kept_bytes_max = 2000}};
    std::map<char, std::unique_ptr<Member>> members_;
};

TEST_F(Slices, ASmallTopicIsDeliveredWhole) {
    join("abc", "t");
    EXPECT_EQ(publish("t", "1"), 3u);
    EXPECT_EQ(state(), "a:1 b:1 c:1");
    EXPECT_FALSE(hub_.delivers_slices());
    EXPECT_FALSE(hub_.deliver_slice(1));
    EXPECT_EQ(bus_.begun, 0);
}

TEST_F(Slices, ALargeTopicIsDeliveredASliceAtATime) {
    join("abcde", "t");
    EXPECT_EQ(publish("t", "1"), 5u);
    EXPECT_EQ(state(), "a: b: c: d: e:");
    EXPECT_EQ(bus_.begun, 1);
    EXPECT_TRUE(hub_.deliver_slice(2));
    EXPECT_EQ(state(), "a:1 b:1 c: d: e:");
    EXPECT_TRUE(hub_.deliver_slice(2));
    EXPECT_EQ(hub_.traffic().deliveries, 4u);
    EXPECT_FALSE(hub_.deliver_slice(2));
    EXPECT_EQ(state(), "a:1 b:1 c:1 d:1 e:1");
    EXPECT_EQ(hub_.traffic().deliveries, 5u);
    EXPECT_EQ(hub_.traffic().publications, 1u);
    EXPECT_EQ(hub_.kept(), 0u);
    EXPECT_EQ(at('a').at_once, 1);
    publish("t", "2");
    EXPECT_EQ(bus_.begun, 2);
}

// Publications that come faster than slices drain: a member gets all that it lacks in one turn, and
// what every member has got is freed.
TEST_F(Slices, LaterPublicationsJoinTheRound) {
    join("abcd", "t");
    publish("t", "1");
    hub_.deliver_slice(2);
    publish("t", "2");
    EXPECT_EQ(state(), "a:1 b:1 c: d:");
    EXPECT_EQ(bus_.begun, 1);
    EXPECT_EQ(hub_.kept(), 2u);
    hub_.deliver_slice(2);  // Two messages of one member.
    EXPECT_EQ(state(), "a:1 b:1 c:12 d:");
    publish("t", "3");
    hub_.deliver_slice(3);
    EXPECT_EQ(state(), "a:1 b:1 c:12 d:123");
    EXPECT_EQ(hub_.kept(), 2u);  // Everyone has got "1".
    hub_.deliver_slice(2);
    EXPECT_EQ(state(), "a:123 b:1 c:12 d:123");
    EXPECT_EQ(drain(), 2);
    EXPECT_EQ(state(), "a:123 b:123 c:123 d:123");
    EXPECT_EQ(at('d').at_once, 1);  // Only the last of several ends the member's turn.
}

TEST_F(Slices, ABigMessageCountsForSeveral) {
    join("abcd", "t");
    publish("t", std::string(Hub::unit_bytes, 'x'));  // Exceeds the limit alone, and is kept.
    hub_.deliver_slice(3);
    EXPECT_EQ(at('b').got.size(), Hub::unit_bytes);
    EXPECT_EQ(at('c').got.size(), 0u);
}

TEST_F(Slices, ThePublisherGetsWhatWasPublishedBefore) {
    join("abcd", "t");
    publish("t", "1");
    EXPECT_EQ(publish("t", "2", 'd'), 3u);
    EXPECT_EQ(state(), "a: b: c: d:1");
    drain();
    EXPECT_EQ(state(), "a:12 b:12 c:12 d:1");
    EXPECT_EQ(publish("t", "3", 'x'), 4u);  // Who is no member.
    drain();
    EXPECT_EQ(at('d').got, "13");
}

TEST_F(Slices, WhoJoinsAfterAPublicationDoesNotGetIt) {
    join("abcd", "t");
    publish("t", "1");
    hub_.deliver_slice(1);
    join("e", "t");
    publish("t", "2");
    join("f", "t");
    drain();
    EXPECT_EQ(state(), "a:12 b:12 c:12 d:12 e:2 f:");
}

TEST_F(Slices, WhoLeavesHasGotAllBeforeAndGetsNothingAfter) {
    join("abcde", "t");
    publish("t", "1");
    hub_.deliver_slice(1);
    ASSERT_TRUE(hub_.leave(at('b'), "t"));  // "e" takes the place.
    ASSERT_TRUE(hub_.leave(at('a'), "t"));  // "d" takes a place that was served already.
    publish("t", "2");
    EXPECT_EQ(state(), "a:1 b:1 c: d: e:");
    drain();
    EXPECT_EQ(state(), "a:1 b:1 c:12 d:12 e:12");
}

// A connection that ends leaves all its topics, and there is nobody to deliver to.
TEST_F(Slices, WhoIsGoneGetsNothing) {
    join("abcd", "t");
    publish("t", "1");
    hub_.leave_all(at('c'));
    hub_.deliver_slice(1);
    hub_.leave_all(at('a'));
    drain();
    EXPECT_EQ(state(), "a:1 b:1 c: d:1");
}

TEST_F(Slices, TheTopicMayEndMeanwhile) {
    join("abcd", "t");
    publish("t", "1");
    for (const char name : {'a', 'b', 'c', 'd'}) hub_.leave_all(at(name));
    EXPECT_EQ(hub_.topics(), 0u);
    EXPECT_FALSE(hub_.delivers_slices());
    EXPECT_EQ(hub_.kept(), 0u);
    EXPECT_EQ(state(), "a: b: c: d:");
}

TEST_F(Slices, ADirectMessageComesAfterWhatWasPublishedBefore) {
    join("abcd", "t");
    publish("t", "1");
    publish("t", "2");
    hub_.catch_up(at('c'));
    at('c').got += "direct";
    hub_.catch_up(at('x'));  // In no topic.
    drain();
    EXPECT_EQ(state(), "a:12 b:12 c:12direct d:12 x:");
    hub_.catch_up(at('c'));
    EXPECT_EQ(at('c').got, "12direct");
}

TEST_F(Slices, TopicsThatShareSubscribersKeepTheOrderOfTheirPublications) {
    join("abcd", "t");
    join("dcbae", "u");
    join("ac", "small");
    publish("t", "1");
    publish("u", "2");
    publish("t", "3");
    publish("small", "4");
    EXPECT_EQ(state(), "a:1234 b: c:1234 d: e:");
    publish("u", "5", 'b');
    EXPECT_EQ(at('b').got, "123");
    drain();
    EXPECT_EQ(state(), "a:12345 b:123 c:12345 d:1235 e:25");
    EXPECT_FALSE(hub_.delivers_slices());
}

TEST_F(Slices, LargeTopicsTakeTurns) {
    join("abcd", "t");
    join("efgh", "u");
    publish("t", "1");
    publish("u", "2");
    hub_.deliver_slice(1);
    hub_.deliver_slice(1);
    hub_.deliver_slice(1);
    EXPECT_EQ(state(), "a:1 b:1 c: d: e:2 f: g: h:");
    drain();
}

// The limit: the publisher delivers the oldest publication itself.
TEST_F(Slices, TooManyPublicationsAreDeliveredByThePublisher) {
    join("abcd", "t");
    const size_t fit = 2000 / (Hub::kept_bytes + 1);
    std::string all;
    for (size_t i = 0; i < fit; ++i) {
        publish("t", "x");
        all += "x";
    }
    EXPECT_EQ(hub_.kept(), fit);
    EXPECT_EQ(at('a').got, "");
    publish("t", "y");
    EXPECT_EQ(state(), "a:x b:x c:x d:x");
    EXPECT_EQ(hub_.kept(), fit);
    drain();
    EXPECT_EQ(at('a').got, all + "y");
    EXPECT_EQ(bus_.begun, 1);
}

// Of one topic, whatever the other limit. Each publication costs one delivery to each member.
TEST(SlicesOfOneTopic, HasALimitOfMessagesAndBytes) {
    for (const size_t bytes : {size_t{1}, Backlog::bytes_max / 4}) {
        CountingBus bus;
        Hub hub(bus, nullptr, {.whole_members_max = 1, .kept_bytes_max = SIZE_MAX / 2});
        Member a, b;
        for (Member* const one : {&a, &b}) ASSERT_EQ(hub.join(*one, "t", 1), Hub::Join::joined);
        const std::string text(bytes, 'x');
        size_t got = 0;
        for (int i = 0; i < 200; ++i) {
            hub.publish({"t", base::bytes_of(text), false});
            EXPECT_LE(hub.kept(), Backlog::kept_max);
            EXPECT_LE(a.got.size() - got, bytes);
            EXPECT_EQ(a.got, b.got);
            got = a.got.size();
        }
        EXPECT_LE(hub.kept() * bytes, Backlog::bytes_max);
        while (hub.deliver_slice(1)) {}
        EXPECT_EQ(a.got.size(), 200 * bytes);
        for (Member* const one : {&a, &b}) hub.leave_all(*one);
    }
}

TEST_F(Slices, WithoutLaterTicksEverythingIsDeliveredAtOnce) {
    bus_.fails = true;
    join("abcd", "t");
    EXPECT_EQ(publish("t", "1"), 4u);
    EXPECT_EQ(state(), "a:1 b:1 c:1 d:1");
}

TEST_F(Slices, WhoClosesWithinADeliveryIsNotServedWithinIt) {
    join("abcd", "t");
    at('b').hub = &hub_;
    at('b').takes = false;
    publish("t", "1");
    publish("t", "2");
    hub_.deliver_slice(4);
    EXPECT_EQ(state(), "a:12 b:12 c: d:");
    EXPECT_EQ(hub_.traffic().deliveries, 2u);
    drain();
}

TEST_F(Slices, AnExceptionCostsOneMemberItsMessage) {
    join("abcd", "t");
    at('b').throws = true;
    publish("t", "1");
    EXPECT_THROW(drain(4), std::runtime_error);
    drain();
    EXPECT_EQ(state(), "a:1 b:1 c:1 d:1");
}

// Any mixture of calls gives each member exactly what whole deliveries would have given it.
TEST_F(Slices, AgreesWithWholeDeliveries) {
    CountingBus plain_bus;
    Hub plain(plain_bus);
    const std::string names = "abcdefghij", topics = "tuv";
    std::map<char, Member> model;
    std::mt19937 random(20261130);
    const auto below = [&](size_t n) { return size_t(random()) % n; };
    int sliced = 0;
    for (int step = 0; step < 60'000; ++step) {
        const char name = names[below(names.size())];
        const std::string topic(1, topics[below(topics.size())]);
        switch (below(9)) {
            case 0:
            case 1:
            case 2:
                ASSERT_EQ(hub_.join(at(name), topic, 3), plain.join(model[name], topic, 3));
                break;
            case 3: ASSERT_EQ(hub_.leave(at(name), topic), plain.leave(model[name], topic)); break;
            case 4:
                hub_.catch_up(at(name));
                ASSERT_EQ(at(name).got, model[name].got) << step;
                break;
            case 5:
            case 6: {
                const std::string text(1, char('0' + step % 10));
                const bool except = below(2) == 0;
                publish(topic, text, except ? name : char(0));
                plain.publish({topic, base::bytes_of(text), false},
                              except ? &model[name] : nullptr);
                sliced += hub_.delivers_slices();
                break;
            }
            default: hub_.deliver_slice(1 + below(3));
        }
        ASSERT_TRUE(model[name].got.starts_with(at(name).got)) << step;
        if (step % 1000 == 999) {
            drain();
            for (const char each : names) {
                ASSERT_EQ(at(each).got, model[each].got) << step;
                at(each).got.clear(), model[each].got.clear();
            }
        }
    }
    EXPECT_GT(sliced, 1000);
    EXPECT_EQ(hub_.traffic().deliveries, plain.traffic().deliveries);
    for (auto& [name, member] : model) plain.leave_all(member);
}

TEST(SliceSize, FollowsTheTimeOfATick) {
    SliceSize size;
    uint64_t now_us = 5'000'000;
    const std::pair<uint64_t, size_t> script[] = {
        // Time since the last slice, units of this one.
        {0, 256},    {1000, 384},  {1499, 576},  {1500, 576}, {2500, 576},
        {4000, 288}, {40'000, 16}, {90'000, 16}, {100, 24},   {100, 36},
    };
    for (const auto& [took_us, units] : script) {
        now_us += took_us;
        EXPECT_EQ(size.next(now_us), units) << took_us;
    }
    size.pause();  // What a tick without a slice takes says nothing.
    EXPECT_EQ(size.next(now_us + 1'000'000), 36u);
    for (int i = 0; i < 50; ++i) (void)size.next(now_us + 1'000'000 + uint64_t(i) * 10);
    EXPECT_EQ(size.next(now_us + 1'000'500), SliceSize::units_max);
}

}  // namespace
}  // namespace starling::hub
