#include "load/measure/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "load/measure/times.h"

namespace {

using starling::load::opened_by;
using starling::load::Schedule;
using starling::load::Times;

std::vector<uint64_t> due(uint64_t rate, uint32_t thread, uint32_t threads, size_t count) {
    Schedule schedule(rate, thread, threads);
    schedule.start(1000);
    std::vector<uint64_t> times;
    for (size_t i = 0; i < count; ++i, schedule.advance()) times.push_back(schedule.next_ns());
    return times;
}

TEST(Schedule, DueTimes) {
    using List = std::vector<uint64_t>;
    EXPECT_EQ(due(1'000'000'000, 0, 1, 3), (List{1000, 1001, 1002}));
    EXPECT_EQ(due(1, 0, 1, 3), (List{1000, 1'000'001'000, 2'000'001'000}));
    EXPECT_EQ(due(3, 0, 1, 4), (List{1000, 333'334'333, 666'667'666, 1'000'001'000}));
    EXPECT_EQ(due(10, 1, 4, 3), (List{100'001'000, 500'001'000, 900'001'000}));
}

// The threads together send what one thread alone would send.
TEST(Schedule, ThreadsShareTheMessages) {
    for (const uint32_t threads : {1U, 2U, 3U, 7U}) {
        std::vector<uint64_t> all;
        for (uint32_t t = 0; t < threads; ++t) {
            const auto part = due(7000, t, threads, 420 / threads);
            all.insert(all.end(), part.begin(), part.end());
        }
        std::ranges::sort(all);
        EXPECT_EQ(all, due(7000, 0, 1, 420));
    }
}

// No error adds up: after an hour, a rate that does not divide a second is still exact.
TEST(Schedule, StaysExact) {
    Schedule schedule(7, 0, 7 * 3600);
    schedule.start(0);
    schedule.advance();
    EXPECT_EQ(schedule.next_ns(), 3'600'000'000'000U);
}

TEST(Schedule, RampUp) {
    struct {
        uint64_t passed, ramp;
        uint32_t count, opened;
    } const cases[] = {
        {0, 0, 50, 50},    // No ramp: all at once.
        {0, 1000, 10, 1},  // The first one at the start.
        {99, 1000, 10, 1},    {100, 1000, 10, 2},
        {550, 1000, 10, 6},   {999, 1000, 10, 10},
        {1000, 1000, 10, 10}, {5000, 1000, 10, 10},
        {1, 1000, 1, 1},      {500, 1000, 1'000'000, 500'001},
    };
    for (const auto& one : cases)
        EXPECT_EQ(opened_by(one.passed, one.ramp, one.count), one.opened)
            << one.passed << " " << one.ramp << " " << one.count;
}

TEST(Times, KeepTheirOrder) {
    Times times;
    uint64_t in = 0, out = 0;
    for (int round = 0; round < 100; ++round) {
        for (int i = 0; i < round % 7 + 3; ++i) times.push(in++);
        for (int i = 0; i < round % 7 + 2; ++i) {
            const Times::Run run = times.pop(9);
            ASSERT_EQ(run.time, out++);
            ASSERT_EQ(run.count, 1U);
        }
        ASSERT_EQ(times.size(), in - out);
    }
    EXPECT_EQ(times.size(), 100U);
    times.clear();
    EXPECT_EQ(times.size(), 0U);
    times.push(7);
    EXPECT_EQ(times.pop(1).time, 7U);
}

// Messages of one time may be pushed and popped in any portions.
TEST(Times, RunsOfOneTime) {
    Times times;
    times.push(5, 16);
    times.push(5);
    times.push(6, 2);
    std::string told;
    for (const uint32_t count : {1U, 10U, 10U, 1U, 9U}) {
        const Times::Run run = times.pop(count);
        told += std::to_string(run.count) + "@" + std::to_string(run.time) + " ";
    }
    EXPECT_EQ(told, "1@5 10@5 6@5 1@6 1@6 ");
    EXPECT_EQ(times.size(), 0U);
}

}  // namespace
