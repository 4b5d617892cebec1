#include "net/timer_wheel.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace starling::net {
namespace {

// Advances in steps of `step_ms` until `entry` fires. Returns the time passed.
uint64_t fires_after(uint64_t start_ms, uint64_t delay_ms, uint64_t step_ms) {
    TimerWheel wheel(start_ms);
    TimerEntry entry;
    wheel.set(entry, start_ms, delay_ms);
    bool fired = false;
    uint64_t now_ms = start_ms;
    while (!fired && now_ms < start_ms + delay_ms + 10 * TimerWheel::tick_ms + step_ms) {
        now_ms += step_ms;
        wheel.advance(now_ms, [&](TimerEntry&) { fired = true; });
    }
    EXPECT_TRUE(fired);
    EXPECT_FALSE(entry.linked());
    return now_ms - start_ms;
}

TEST(TimerWheel, NeverEarlyAndAtMostOneTickLate) {
    for (const uint64_t start_ms : {0u, 1u, 249u, 250u, 1'000'123u})
        for (const uint64_t delay_ms :
             {0u, 1u, 249u, 250u, 251u, 5'000u, 63'999u, 64'000u, 64'001u, 200'000u}) {
            const uint64_t took_ms = fires_after(start_ms, delay_ms, 1);
            EXPECT_GE(took_ms, delay_ms) << start_ms;
            EXPECT_LE(took_ms, delay_ms + TimerWheel::tick_ms) << start_ms;
        }
}

TEST(TimerWheel, AJumpOfTimeFiresWhatIsDueAndNothingElse) {
    TimerWheel wheel(0);
    TimerEntry day, week;
    wheel.set(day, 0, 86'400'000);
    wheel.set(week, 0, 7 * 86'400'000);
    std::vector<TimerEntry*> fired;
    const auto fire = [&](TimerEntry& entry) { fired.push_back(&entry); };
    wheel.advance(86'000'000, fire);
    EXPECT_TRUE(fired.empty());
    wheel.advance(90'000'000, fire);
    EXPECT_EQ(fired, std::vector<TimerEntry*>{&day});
    wheel.advance(8 * 86'400'000, fire);
    EXPECT_EQ(fired.back(), &week);
}

TEST(TimerWheel, TimeThatDoesNotMoveOrGoesBackFiresNothing) {
    TimerWheel wheel(10'000);
    TimerEntry entry;
    wheel.set(entry, 10'000, 1'000);
    int fired = 0;
    wheel.advance(10'000, [&](TimerEntry&) { ++fired; });
    wheel.advance(3'000, [&](TimerEntry&) { ++fired; });
    EXPECT_EQ(fired, 0);
    EXPECT_TRUE(entry.linked());
    wheel.advance(11'000, [&](TimerEntry&) { ++fired; });
    EXPECT_EQ(fired, 1);
}

// The number of the tick exceeds 32 bits.
TEST(TimerWheel, WorksWithTheMillisecondsOfTheUnixEpoch) {
    const uint64_t now_ms = 1'800'000'000'000;
    TimerWheel wheel(now_ms);
    EXPECT_GT(wheel.next_tick_ms(), now_ms);
    EXPECT_LE(wheel.next_tick_ms(), now_ms + TimerWheel::tick_ms);
    EXPECT_GE(fires_after(now_ms, 5'000, 10), 5'000u);
}

TEST(TimerWheel, ADelayBeyondAllSenseIsNotCutToNothing) {
    for (const uint64_t delay_ms : {UINT64_MAX, UINT64_MAX - 249, uint64_t(1) << 40}) {
        TimerWheel wheel(1'000);
        TimerEntry entry;
        wheel.set(entry, 1'000, delay_ms);
        int fired = 0;
        wheel.advance(86'400'000, [&](TimerEntry&) { ++fired; });
        EXPECT_EQ(fired, 0) << delay_ms;
    }
}

TEST(TimerWheel, SettingAgainReplaces) {
    TimerWheel wheel(0);
    TimerEntry entry;
    wheel.set(entry, 0, 500);
    wheel.set(entry, 0, 5'000);
    int fired = 0;
    for (uint64_t now_ms = 0; now_ms <= 4'750; now_ms += 250)
        wheel.advance(now_ms, [&](TimerEntry&) { ++fired; });
    EXPECT_EQ(fired, 0);
    wheel.advance(5'250, [&](TimerEntry&) { ++fired; });
    wheel.advance(20'000, [&](TimerEntry&) { ++fired; });
    EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, ACallMaySetItsEntryAgainWithoutADelay) {
    TimerWheel wheel(0);
    TimerEntry entry;
    wheel.set(entry, 0, 0);
    int fired = 0;
    uint64_t now_ms = 0;
    const auto again = [&](TimerEntry& due) {
        ++fired;
        wheel.set(due, now_ms, 0);
    };
    for (now_ms = 250; now_ms <= 2'500; now_ms += 250) wheel.advance(now_ms, again);
    EXPECT_EQ(fired, 10);
}

TEST(TimerWheel, ACallMayDestroyOrSetOtherEntriesOfTheSameTick) {
    TimerWheel wheel(0);
    TimerEntry first, postponed;
    auto destroyed = std::make_unique<TimerEntry>();
    wheel.set(first, 0, 100);
    wheel.set(*destroyed, 0, 100);
    wheel.set(postponed, 0, 100);
    std::vector<TimerEntry*> fired;
    wheel.advance(500, [&](TimerEntry& entry) {
        fired.push_back(&entry);
        destroyed.reset();
        if (fired.size() == 1) wheel.set(postponed, 500, 1'000);
    });
    EXPECT_EQ(fired, std::vector<TimerEntry*>{&first});
    wheel.advance(1'750, [&](TimerEntry& entry) { fired.push_back(&entry); });
    EXPECT_EQ(fired.back(), &postponed);
}

// The wheel does not advance while no timeout is set, but the loop's time does.
TEST(TimerWheel, SettingAfterALongRestIsNotEarly) {
    TimerWheel wheel(0);
    TimerEntry entry;
    const uint64_t now_ms = 3'600'000;
    wheel.set(entry, now_ms, 10'000);
    int fired = 0;
    wheel.advance(now_ms, [&](TimerEntry&) { ++fired; });
    wheel.advance(now_ms + 9'999, [&](TimerEntry&) { ++fired; });
    EXPECT_EQ(fired, 0);
    wheel.advance(now_ms + 10'250, [&](TimerEntry&) { ++fired; });
    EXPECT_EQ(fired, 1);
}

}  // namespace
}  // namespace starling::net
