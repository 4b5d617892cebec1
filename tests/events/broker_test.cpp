// Limits, waiting events and logins, by a clock that the test sets.
#include "events/broker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "events/table.h"

namespace starling::events {
namespace {

// One listener, which records the events it gets: "ada:hello".
class Listener final : public hub::Subscriber, public Member {
public:
    Listener(std::string name, std::string& transcript)
        : name_(std::move(name)), transcript_(transcript) {}

    void deliver(hub::Publication& publication) override {
        if (gone) return;
        EXPECT_TRUE(publication.at_once);
        ++publication.taken;
        add(name_ + ":" + std::string(base::text_of(publication.message.bytes)));
    }
    void expired(hub::Subscriber& subscriber) override {
        EXPECT_EQ(&subscriber, this);
        add(name_ + " expired");
    }
    bool gone = false;

private:
    void add(const std::string& text) {
        transcript_.append(transcript_.empty() ? "" : ", ").append(text);
    }
    const std::string name_;
    std::string& transcript_;
};

class EventBroker : public testing::Test {
protected:
    EventBroker() {
        table_.declare({.pattern = "drop{n:number}"});
        table_.declare({.pattern = "latest{n:number}", .excess = Excess::latest});
        table_.declare({.pattern = "free", .interval = std::chrono::milliseconds(0)});
    }

    std::unique_ptr<Listener> join(const std::string& name, const std::string& channel) {
        auto listener = std::make_unique<Listener>(name, transcript_);
        broker_.enter(*listener, *table_.find(channel).rule, channel);
        broker_.add_listener(*listener, *listener, now_ms_);
        return listener;
    }
    // The result of a publication: the events received, delivered and limited: "ada:x +1 -0".
    std::string publish(const std::string& channel, const std::string& event) {
        const Published published = broker_.publish(channel, event, now_ms_);
        return take() + "+" + std::to_string(published.delivered) + " -" +
               std::to_string(published.limited);
    }
    // Advances the clock, and runs the broker whenever the broker asked for it.
    std::string pass(uint64_t ms) {
        const uint64_t until_ms = now_ms_ + ms;
        while (broker_.next_ms().value_or(UINT64_MAX) <= until_ms) {
            now_ms_ = std::max(now_ms_, *broker_.next_ms());
            broker_.run(now_ms_);
        }
        now_ms_ = until_ms;
        return std::exchange(transcript_, {});
    }
    std::string take() {
        std::string taken = std::exchange(transcript_, {});
        return taken.empty() ? taken : taken + " ";
    }

    std::string transcript_;
    Table table_;
    Broker broker_;
    uint64_t now_ms_ = 1'000'000;
};

TEST_F(EventBroker, DropsWhatComesWithin250Ms) {
    const auto ada = join("ada", "drop1");
    EXPECT_EQ(publish("drop1", "a"), "ada:a +1 -0");
    EXPECT_EQ(publish("drop1", "b"), "+0 -1");
    now_ms_ += 249;
    EXPECT_EQ(publish("drop1", "c"), "+0 -1");
    EXPECT_FALSE(broker_.next_ms());
    now_ms_ += 1;
    EXPECT_EQ(publish("drop1", "d"), "ada:d +1 -0");
    EXPECT_EQ(publish("drop2", "e"), "+0 -0");
    EXPECT_EQ(publish("drop1", "f"), "+0 -1");
}

TEST_F(EventBroker, TheLimitIsOfEachClientAndChannel) {
    const auto ada = join("ada", "drop1");
    const auto other = join("other", "drop2");
    EXPECT_EQ(publish("drop1", "a"), "ada:a +1 -0");
    EXPECT_EQ(publish("drop2", "a"), "other:a +1 -0");
    now_ms_ += 100;
    const auto ming = join("ming", "drop1");
    EXPECT_EQ(publish("drop1", "b"), "ming:b +1 -1");
    now_ms_ += 150;
    EXPECT_EQ(publish("drop1", "c"), "ada:c +1 -1");
    now_ms_ += 100;
    EXPECT_EQ(publish("drop1", "d"), "ming:d +1 -1");
    now_ms_ += 250;
    EXPECT_EQ(publish("drop1", "e"), "ada:e, ming:e +2 -0");
}

TEST_F(EventBroker, LatestPushesTheLastOneAtTheEnd) {
    const auto ada = join("ada", "latest1");
    EXPECT_EQ(publish("latest1", "a"), "ada:a +1 -0");
    now_ms_ += 10;
    EXPECT_EQ(publish("latest1", "b"), "+1 -0");
    now_ms_ += 10;
    EXPECT_EQ(publish("latest1", "c"), "+1 -0");
    EXPECT_EQ(*broker_.next_ms(), 1'000'250u);
    EXPECT_EQ(pass(229), "");
    EXPECT_EQ(pass(1), "ada:c");
    EXPECT_FALSE(broker_.next_ms());
    EXPECT_EQ(publish("latest1", "d"), "+1 -0");
    EXPECT_EQ(pass(249), "");
    EXPECT_EQ(pass(1), "ada:d");
    EXPECT_EQ(pass(10'000), "");
}

TEST_F(EventBroker, LatestEachAtItsOwnTimeAtMost10MsLate) {
    const auto ada = join("ada", "latest1");
    EXPECT_EQ(publish("latest1", "a"), "ada:a +1 -0");
    now_ms_ += 3;
    const auto ming = join("ming", "latest1");
    EXPECT_EQ(publish("latest1", "b"), "ming:b +2 -0");
    EXPECT_EQ(publish("latest1", "c"), "+2 -0");
    EXPECT_EQ(pass(246), "");
    EXPECT_EQ(pass(1), "ada:c");
    EXPECT_EQ(pass(10), "ming:c");
}

TEST_F(EventBroker, WhatIsDueGoesBeforeWhatIsNew) {
    const auto ada = join("ada", "latest1");
    EXPECT_EQ(publish("latest1", "a"), "ada:a +1 -0");
    EXPECT_EQ(publish("latest1", "b"), "+1 -0");
    now_ms_ += 300;  // The broker's timer fires late.
    EXPECT_EQ(publish("latest1", "c"), "ada:b +1 -0");
    EXPECT_EQ(pass(249), "");
    EXPECT_EQ(pass(1), "ada:c");
}

TEST_F(EventBroker, NoLimit) {
    const auto ada = join("ada", "free");
    EXPECT_EQ(publish("free", "a"), "ada:a +1 -0");
    EXPECT_EQ(publish("free", "b"), "ada:b +1 -0");
}

TEST_F(EventBroker, WhoLeavesIsOwedNothing) {
    auto ada = join("ada", "latest1");
    auto ming = join("ming", "latest1");
    EXPECT_EQ(publish("latest1", "a"), "ada:a, ming:a +2 -0");
    EXPECT_EQ(publish("latest1", "b"), "+2 -0");
    ada.reset();
    EXPECT_EQ(broker_.listeners("latest1"), 1u);
    EXPECT_EQ(pass(250), "ming:b");
    EXPECT_EQ(publish("latest1", "c"), "+1 -0");
    ming.reset();
    EXPECT_EQ(broker_.rooms(), 0u);
    EXPECT_EQ(pass(1000), "");
    EXPECT_EQ(publish("latest1", "d"), "+0 -0");
}

TEST_F(EventBroker, WhoIsClosingIsNotCounted) {
    const auto ada = join("ada", "drop1");
    ada->gone = true;
    EXPECT_EQ(publish("drop1", "a"), "+0 -0");
}

TEST_F(EventBroker, NoHistory) {
    EXPECT_EQ(publish("drop1", "a"), "+0 -0");
    const auto ada = join("ada", "drop1");
    EXPECT_EQ(pass(1000), "");
    EXPECT_EQ(publish("drop1", "b"), "ada:b +1 -0");
}

// After 2^32 ms (49.7 days) a listener's 32-bit time wraps around.
TEST_F(EventBroker, AClockThatWrapsLosesNothing) {
    const auto ada = join("ada", "drop1");
    EXPECT_EQ(publish("drop1", "a"), "ada:a +1 -0");
    now_ms_ += (uint64_t(1) << 32) + 100;
    EXPECT_EQ(publish("drop1", "b"), "ada:b +1 -0");
    EXPECT_EQ(publish("drop1", "c"), "+0 -1");
    now_ms_ += (uint64_t(1) << 32) - 10;
    const auto ming = join("ming", "drop1");
    EXPECT_EQ(publish("drop1", "d"), "ada:d, ming:d +2 -0");
}

TEST_F(EventBroker, TenThousandJoinAndLeaveInAnyOrder) {
    std::vector<std::unique_ptr<Listener>> all;
    for (int i = 0; i < 10'000; ++i) all.push_back(join("x", "drop" + std::to_string(i % 7)));
    EXPECT_EQ(broker_.rooms(), 7u);
    for (size_t i = 0; i < all.size(); i += 2) all[i].reset();
    size_t delivered = 0;
    for (int i = 0; i < 7; ++i)
        delivered += broker_.publish("drop" + std::to_string(i), "e", now_ms_).delivered;
    EXPECT_EQ(delivered, 5000u);
    all.clear();
    EXPECT_EQ(broker_.rooms(), 0u);
}

TEST_F(EventBroker, AChannelByEachOfManyClientsIsFreedWithThem) {
    for (int i = 0; i < 100'000; ++i) {
        const auto one = join("x", "drop" + std::to_string(i));
        ASSERT_EQ(broker_.rooms(), 1u);
    }
    EXPECT_EQ(broker_.rooms(), 0u);
}

TEST_F(EventBroker, ALoginEndsOnceAndAtItsTime) {
    const auto ada = join("ada", "drop1");
    const auto ming = join("ming", "drop1");
    const auto eve = join("eve", "drop1");
    broker_.log_in(*ada, "ada", 5000, now_ms_);
    broker_.log_in(*ming, "ming", 3000, now_ms_);
    broker_.log_in(*eve, "eve", std::nullopt, now_ms_);
    EXPECT_EQ(pass(2999), "");
    EXPECT_EQ(pass(1), "ming expired");
    EXPECT_EQ(pass(2000), "ada expired");
    EXPECT_EQ(pass(1'000'000), "");
}

TEST_F(EventBroker, ARefreshMovesTheEnd) {
    auto ada = join("ada", "drop1");
    broker_.log_in(*ada, "ada", 5000, now_ms_);
    EXPECT_EQ(pass(4000), "");
    EXPECT_TRUE(broker_.may_refresh(*ada, now_ms_));
    EXPECT_FALSE(broker_.may_refresh(*ada, now_ms_ + 249));
    EXPECT_TRUE(broker_.may_refresh(*ada, now_ms_ + 250));
    broker_.log_in(*ada, "ada", 5000, now_ms_);
    EXPECT_EQ(pass(4999), "");
    EXPECT_EQ(pass(1), "ada expired");
    broker_.log_in(*ada, "ada", 5000, now_ms_);
    ada.reset();
    EXPECT_FALSE(broker_.next_ms());
}

TEST_F(EventBroker, ALoginThatEndsBeforeItsMemberListensIsToldThen) {
    for (const bool refreshed : {false, true}) {
        Listener ada("ada", transcript_);
        broker_.enter(ada, *table_.find("drop1").rule, "drop1");
        broker_.log_in(ada, "ada", 5000, now_ms_);
        EXPECT_EQ(pass(6000), "");
        if (refreshed) broker_.log_in(ada, "ada", 5000, now_ms_);
        broker_.add_listener(ada, ada, now_ms_);
        EXPECT_EQ(pass(0), refreshed ? "" : "ada expired");
        EXPECT_EQ(pass(5000), refreshed ? "ada expired" : "");
    }
}

TEST_F(EventBroker, WhoNeverLoggedInHasNothingToRefresh) {
    const auto ada = join("ada", "drop1");
    EXPECT_FALSE(broker_.may_refresh(*ada, now_ms_));
    EXPECT_EQ(ada->login(), nullptr);
}

}  // namespace
}  // namespace starling::events
