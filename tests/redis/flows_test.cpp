#include "redis/flows.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::redis {
namespace {

PublishQueue::Entry entry(std::string name, int32_t slot) {
    PublishQueue::Entry one;
    one.command = std::move(name);
    one.slot = slot;
    return one;
}

std::string released(Flows& flows, uint64_t now_ms) {
    std::string text;
    for (const auto& one : flows.release(now_ms)) text += one.command + " ";
    return text;
}

TEST(RedisFlows, ABlockedFlowWaitsForWhatIsUnderWay) {
    for (const int32_t slot : {-1, 0, 7}) {
        Flows flows;
        for (int i = 0; i < 3; ++i) flows.sent(slot);
        EXPECT_FALSE(flows.is_blocked(slot));
        EXPECT_EQ(flows.due_ms(), std::nullopt);
        flows.bounced(entry("a", slot), 50, false);
        EXPECT_TRUE(flows.is_blocked(slot));
        EXPECT_EQ(flows.due_ms(), std::nullopt);
        EXPECT_EQ(released(flows, 100), "");
        flows.answered(slot);
        EXPECT_EQ(flows.due_ms(), std::nullopt);
        flows.bounced(entry("c", slot), 40, false);
        EXPECT_EQ(flows.due_ms(), 50u);
        EXPECT_EQ(flows.size(), 2u);
        EXPECT_EQ(released(flows, 49), "");
        EXPECT_EQ(released(flows, 50), "a c ");
        EXPECT_FALSE(flows.is_blocked(slot));
        EXPECT_EQ(flows.due_ms(), std::nullopt);
    }
}

TEST(RedisFlows, FlowsDoNotWaitForOneAnother) {
    Flows flows;
    for (const int32_t slot : {-1, -1, 1, 2, 2}) flows.sent(slot);
    flows.bounced(entry("one", 1), 10, false);
    flows.bounced(entry("two", 2), 5, false);
    EXPECT_FALSE(flows.is_blocked(-1));
    EXPECT_EQ(flows.due_ms(), 10u);
    EXPECT_EQ(released(flows, 10), "one ");
    EXPECT_TRUE(flows.is_blocked(2));
    flows.answered(2);
    EXPECT_EQ(flows.due_ms(), 5u);
    EXPECT_EQ(released(flows, 10), "two ");
    flows.bounced(entry("any", -1), 10, false);
    EXPECT_EQ(flows.clear().size(), 1u);
    EXPECT_FALSE(flows.is_blocked(-1));
}

// The server is not ready: one command asks whether it is, for all.
TEST(RedisFlows, TheFirstGoesAlone) {
    Flows flows;
    for (int i = 0; i < 3; ++i) flows.sent(1);
    for (const uint64_t number : {2, 1, 3}) {
        auto one = entry(std::to_string(number), 1);
        one.number = number;
        flows.bounced(std::move(one), 10, true);
    }
    auto first = flows.release(10);
    ASSERT_EQ(first.size(), 1u);
    EXPECT_EQ(first[0].command, "1");
    EXPECT_TRUE(first[0].goes_first);
    EXPECT_TRUE(flows.is_blocked(1));
    flows.sent(1);
    EXPECT_EQ(flows.due_ms(), std::nullopt);
    flows.bounced(std::move(first[0]), 20, true);
    EXPECT_EQ(released(flows, 20), "1 ");
    flows.sent(1);
    flows.answered(1);
    EXPECT_EQ(flows.due_ms(), 20u);
    EXPECT_EQ(released(flows, 20), "2 3 ");
    EXPECT_FALSE(flows.is_blocked(1));
}

}  // namespace
}  // namespace starling::redis
