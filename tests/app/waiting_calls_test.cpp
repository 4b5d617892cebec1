// Calls that wait until a channel is listened to.
#include "app/waiting_calls.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::app {
namespace {

TEST(WaitingCalls, AreBoundedInAll) {
    std::string made;
    WaitingCalls waiting(3);
    const auto add = [&](const char* channel, char name) {
        WaitingCalls::Call call = [&made, name] { made += name; };
        const bool added = waiting.add(channel, call);
        EXPECT_EQ(added, !call);  // One that is refused stays the caller's.
        return added;
    };
    const auto take = [&](const char* channel) {
        for (const auto& call : waiting.take(channel)) call();
        return std::exchange(made, {});
    };
    EXPECT_TRUE(add("a", '1') && add("b", '2') && add("a", '3'));
    EXPECT_FALSE(add("a", '4'));
    EXPECT_FALSE(add("c", '5'));
    EXPECT_EQ(take("c"), "");
    EXPECT_EQ(take("a"), "13");
    EXPECT_EQ(take("a"), "");
    EXPECT_TRUE(add("c", '6') && add("c", '7'));
    EXPECT_FALSE(add("b", '8'));
    EXPECT_EQ(take("b"), "2");
    EXPECT_EQ(take("c"), "67");
}

}  // namespace
}  // namespace starling::app
