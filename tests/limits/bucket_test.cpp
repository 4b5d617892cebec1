#include "limits/bucket.h"

#include <gtest/gtest.h>

#include <string>

#include "limits/bucket_table.h"
#include "limits/inflow.h"

namespace starling::limits {
namespace {

constexpr uint64_t ms = 1'000'000, second = 1000 * ms;
constexpr uint64_t start = 1'000'000 * second;  // Like a clock that runs since the boot.

// How many of `asked` tokens a bucket gives at once.
size_t taken(Bucket& bucket, const BucketRate& rate, uint64_t now_ns, size_t asked = 100'000) {
    size_t count = 0;
    while (count < asked && bucket.take(rate, now_ns) == 0) ++count;
    return count;
}

TEST(LimitsBucket, GivesTheBurstAndThenTheRate) {
    const struct {
        Rate rate;
        size_t burst, in_a_second, in_100_ms;
    } cases[] = {
        {{.per_second = 10}, 10, 10, 1},
        {{.per_second = 10, .burst = 1}, 1, 1, 1},
        {{.per_second = 10, .burst = 3}, 3, 3, 1},
        {{.per_second = 10, .burst = 50}, 50, 10, 1},
        {{.per_second = 3, .burst = 3}, 3, 3, 0},
        {{.per_second = 7, .burst = 1000}, 1000, 7, 0},
        {{.per_second = 1, .burst = 5}, 5, 1, 0},
        {{.per_second = 500, .burst = 5000}, 5000, 500, 50},
        {{.per_second = 30'000, .burst = 60'000}, 60'000, 30'000, 3000},
    };
    for (const auto& c : cases) {
        const BucketRate rate(c.rate);
        Bucket bucket;
        EXPECT_EQ(taken(bucket, rate, start), c.burst) << c.rate.per_second;
        EXPECT_EQ(taken(bucket, rate, start), 0u);
        EXPECT_EQ(taken(bucket, rate, start + second), c.in_a_second) << c.rate.per_second;
        EXPECT_EQ(taken(bucket, rate, start + second + 100 * ms), c.in_100_ms) << c.rate.per_second;
        // After a long rest the bucket is full, and no fuller.
        EXPECT_EQ(taken(bucket, rate, start + 10'000 * second), c.burst) << c.rate.per_second;
        EXPECT_FALSE(bucket.is_full(start + 10'000 * second));
        EXPECT_TRUE(bucket.is_full(start + 30'000 * second));
    }
}

TEST(LimitsBucket, SaysHowLongItIsEmpty) {
    const BucketRate rate({.per_second = 2, .burst = 2});
    Bucket bucket;
    EXPECT_EQ(bucket.take(rate, start), 0u);
    EXPECT_EQ(bucket.take(rate, start), 0u);
    EXPECT_EQ(bucket.take(rate, start), 500 * ms);
    EXPECT_EQ(bucket.take(rate, start + 400 * ms), 100 * ms);
    EXPECT_EQ(bucket.take(rate, start + 500 * ms), 0u);
    EXPECT_EQ(whole_seconds(0), 0u);
    EXPECT_EQ(whole_seconds(1), 1u);
    EXPECT_EQ(whole_seconds(second), 1u);
    EXPECT_EQ(whole_seconds(second + 1), 2u);
}

TEST(LimitsBucket, LendsWhatOneMessageLacks) {
    const BucketRate rate({.per_second = 1000, .burst = 10'000});
    Bucket bucket;
    EXPECT_EQ(bucket.take(rate, start, 9'999), 0u);
    EXPECT_EQ(bucket.take(rate, start, 50'000), 0u);  // One byte was left.
    EXPECT_NE(bucket.take(rate, start + 49 * second, 1), 0u);
    EXPECT_EQ(bucket.take(rate, start + 51 * second, 1), 0u);
}

TEST(LimitsBucket, StandsAnyNumbers) {
    for (const uint64_t per_second :
         {uint64_t{1}, uint64_t{1'000'000'007}, UINT64_MAX / 2, UINT64_MAX})
        for (const uint64_t burst : {uint64_t{0}, uint64_t{1}, UINT64_MAX}) {
            const BucketRate rate({per_second, burst});
            Bucket bucket;
            EXPECT_EQ(bucket.take(rate, start), 0u) << per_second << " " << burst;
            (void)bucket.take(rate, start, UINT64_MAX);
            (void)bucket.take(rate, start + second);
        }
    EXPECT_FALSE(BucketRate({.per_second = 0, .burst = 5}).is_on());
}

TEST(LimitsTable, KeepsABucketForEachKey) {
    BucketTable table(BucketRate({.per_second = 1, .burst = 2}), 64, {1, 2});
    for (const std::string key : {"a", "b", "c"}) {
        EXPECT_EQ(table.take(key, start), 0u);
        EXPECT_EQ(table.take(key, start), 0u);
        EXPECT_NE(table.take(key, start), 0u);
        EXPECT_EQ(table.take(key, start + second), 0u);
    }
}

// An attacker with any number of keys: the memory stays as it is, and a bucket that is empty is the
// last to make room.
TEST(LimitsTable, ForgetsTheFullestFirst) {
    BucketTable table(BucketRate({.per_second = 10, .burst = 100}), 1, {1, 2});  // One set.
    const auto drain = [&](const std::string& key, int tokens) {
        int got = 0;
        while (got < tokens && table.take(key, start) == 0) ++got;
        return got;
    };
    EXPECT_EQ(drain("flood", 1000), 100);
    for (int i = 0; i < 10'000; ++i) EXPECT_EQ(drain("other " + std::to_string(i), 1), 1);
    EXPECT_EQ(drain("flood", 1000), 0);
}

TEST(LimitsInflow, TakesNothingForARefusedMessage) {
    const InflowRates rates({.messages = {.per_second = 2},
                             .message_bytes = {.per_second = 100},
                             .joins = {.per_second = 1}});
    Inflow inflow;
    EXPECT_TRUE(inflow.takes_message(rates, 150, start));
    EXPECT_FALSE(inflow.takes_message(rates, 1, start));  // The bytes are used up.
    EXPECT_TRUE(inflow.takes_message(rates, 1, start + second));
    EXPECT_TRUE(inflow.takes_message(rates, 1, start + second));
    EXPECT_FALSE(inflow.takes_message(rates, 1, start + second));  // The messages are.
    EXPECT_TRUE(inflow.takes_join(rates, start));
    EXPECT_FALSE(inflow.takes_join(rates, start));
    EXPECT_TRUE(inflow.takes_join(rates, start + second));

    const InflowRates off{Limits{}};
    EXPECT_FALSE(off.is_on());
    Inflow free;
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(free.takes_message(off, 1'000'000, start));
        EXPECT_TRUE(free.takes_join(off, start));
    }
}

}  // namespace
}  // namespace starling::limits
