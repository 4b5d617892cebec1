#include "net/slot_timers.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace starling::net {
namespace {

// Advances in steps of `step_ms` until the slot's timeout fires. Returns the time passed.
uint64_t fires_after(uint64_t start_ms, uint64_t delay_ms, uint64_t step_ms) {
    SlotTimers timers(start_ms);
    timers.make_room(100);
    timers.set(100, start_ms, delay_ms);
    bool fired = false;
    uint64_t now_ms = start_ms;
    while (!fired && now_ms < start_ms + delay_ms + 10 * SlotTimers::tick_ms + step_ms) {
        now_ms += step_ms;
        timers.advance(now_ms, [&](uint32_t slot) { fired = slot == 100; });
    }
    EXPECT_TRUE(fired);
    EXPECT_FALSE(timers.is_set(100));
    return now_ms - start_ms;
}

// What fires at that time, in order.
std::string fired(SlotTimers& timers, uint64_t now_ms) {
    std::string slots;
    timers.advance(now_ms, [&](uint32_t slot) { slots += std::to_string(slot) + " "; });
    return slots;
}

TEST(SlotTimers, NeverEarlyAndAtMostOneTickLate) {
    // The number of a tick of the last one exceeds 32 bits.
    for (const uint64_t start_ms : {0ul, 1ul, 249ul, 250ul, 1'000'123ul, 1'800'000'000'000ul})
        for (const uint64_t delay_ms : {0u, 1u, 249u, 250u, 251u, 5'000u, 64'000u, 200'000u}) {
            const uint64_t took_ms = fires_after(start_ms, delay_ms, 1);
            EXPECT_GE(took_ms, delay_ms) << start_ms;
            EXPECT_LE(took_ms, delay_ms + SlotTimers::tick_ms) << start_ms;
        }
}

TEST(SlotTimers, AJumpOfTimeFiresWhatIsDueAndNothingElse) {
    SlotTimers timers(0);
    timers.make_room(7);
    timers.set(1, 0, 86'400'000);
    timers.set(7, 0, 7 * 86'400'000);
    EXPECT_EQ(fired(timers, 86'000'000), "");
    EXPECT_EQ(fired(timers, 90'000'000), "1 ");
    EXPECT_EQ(fired(timers, 8 * 86'400'000), "7 ");
}

TEST(SlotTimers, TimeThatDoesNotMoveOrGoesBackFiresNothing) {
    SlotTimers timers(10'000);
    timers.make_room(0);
    timers.set(0, 10'000, 1'000);
    EXPECT_EQ(fired(timers, 10'000), "");
    EXPECT_EQ(fired(timers, 3'000), "");
    EXPECT_TRUE(timers.is_set(0));
    EXPECT_EQ(fired(timers, 11'000), "0 ");
}

TEST(SlotTimers, ADelayBeyondAllSenseIsNotCutToNothing) {
    for (const uint64_t delay_ms : {UINT64_MAX, UINT64_MAX - 249, uint64_t{1} << 40}) {
        SlotTimers timers(1'000);
        timers.make_room(0);
        timers.set(0, 1'000, delay_ms);
        EXPECT_EQ(fired(timers, 86'400'000), "") << delay_ms;
        EXPECT_TRUE(timers.is_set(0));
    }
}

TEST(SlotTimers, SettingAgainReplacesAndCancellingRemoves) {
    SlotTimers timers(0);
    timers.make_room(2);
    for (const uint32_t slot : {0u, 1u, 2u}) timers.set(slot, 0, 500);
    timers.set(0, 0, 5'000);
    timers.cancel(1);
    EXPECT_EQ(fired(timers, 4'750), "2 ");
    EXPECT_EQ(fired(timers, 5'250), "0 ");
    timers.set(2, 5'250, 5'000);
    timers.set(2, 5'250, 500);  // Earlier than before.
    EXPECT_EQ(fired(timers, 6'000), "2 ");
    EXPECT_EQ(fired(timers, 20'000), "");
}

// 10,000 timeouts, in slots of many groups and segments.
TEST(SlotTimers, EachSlotFiresOnceAndInItsTick) {
    constexpr uint32_t slots = 10'000;
    SlotTimers timers(0);
    const auto delay_ms = [](uint32_t slot) { return uint64_t{slot} * 7'919 % 100'000; };
    for (uint32_t slot = 0; slot < slots; ++slot) {
        timers.make_room(slot);
        timers.set(slot, 0, delay_ms(slot));
    }
    std::vector<uint64_t> fired_ms(slots, 0);
    for (uint64_t now_ms = 0; now_ms <= 101'000; now_ms += SlotTimers::tick_ms)
        timers.advance(now_ms, [&](uint32_t slot) {
            EXPECT_EQ(fired_ms[slot], 0u);
            fired_ms[slot] = now_ms;
        });
    for (uint32_t slot = 0; slot < slots; ++slot) {
        EXPECT_GE(fired_ms[slot], delay_ms(slot));
        EXPECT_LE(fired_ms[slot], delay_ms(slot) + 2 * SlotTimers::tick_ms);
    }
}

TEST(SlotTimers, ACallMaySetItsSlotAgainWithoutADelay) {
    SlotTimers timers(0);
    timers.make_room(3);
    timers.set(3, 0, 0);
    int calls = 0;
    for (uint64_t now_ms = 250; now_ms <= 2'500; now_ms += 250)
        timers.advance(now_ms, [&](uint32_t slot) {
            ++calls;
            timers.set(slot, now_ms, 0);
        });
    EXPECT_EQ(calls, 10);
}

TEST(SlotTimers, ACallMayCancelSetAndAddOthersOfTheSameTick) {
    SlotTimers timers(0);
    timers.make_room(4);
    for (uint32_t slot = 0; slot < 5; ++slot) timers.set(slot, 0, 100);
    std::string calls;
    timers.advance(250, [&](uint32_t slot) {
        calls += std::to_string(slot) + " ";
        if (slot != 1) return;
        timers.cancel(2);
        timers.set(3, 250, 1'000);
        timers.make_room(5'000);  // The timeouts move.
        timers.set(5'000, 250, 0);
    });
    EXPECT_EQ(calls, "0 1 4 ");
    EXPECT_EQ(fired(timers, 500), "5000 ");
    EXPECT_EQ(fired(timers, 1'250), "3 ");
}

TEST(SlotTimers, AnExceptionOfACallLeavesTheOthersForTheNextTick) {
    SlotTimers timers(0);
    timers.make_room(200);
    for (const uint32_t slot : {1u, 2u, 150u}) timers.set(slot, 0, 100);
    EXPECT_THROW(timers.advance(250, [](uint32_t) { throw std::runtime_error("as asked"); }),
                 std::runtime_error);
    EXPECT_EQ(fired(timers, 500), "2 150 ");
}

}  // namespace
}  // namespace starling::net
