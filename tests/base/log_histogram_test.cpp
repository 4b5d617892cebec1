#include "base/log_histogram.h"

#include <gtest/gtest.h>

namespace starling::base {
namespace {

TEST(LogHistogram, ADurationFallsIntoTheBucketWithTheNextEdge) {
    struct Case {
        uint64_t microseconds;
        size_t bucket;
    };
    constexpr Case cases[] = {
        {0, 0},    {1, 0},    {16, 0},          {17, 1},          {32, 1},          {33, 2},
        {1024, 6}, {1025, 7}, {16'777'216, 20}, {16'777'217, 21}, {UINT64_MAX, 21},
    };
    for (const Case& one : cases) {
        LogHistogram histogram;
        histogram.record(one.microseconds);
        for (size_t bucket = 0; bucket <= LogHistogram::edges; ++bucket)
            EXPECT_EQ(histogram.count(bucket), bucket == one.bucket ? 1u : 0u)
                << one.microseconds << " us, bucket " << bucket;
    }
}

TEST(LogHistogram, TheEdgesArePowersOfTwo) {
    EXPECT_EQ(LogHistogram::edges, 21u);
    EXPECT_EQ(LogHistogram::edge_us(0), 16u);
    EXPECT_EQ(LogHistogram::edge_us(LogHistogram::edges - 1), 16'777'216u);
}

TEST(LogHistogram, AddsAnotherHistogram) {
    LogHistogram one, other;
    one.record(10);
    other.record(20);
    other.record(30'000'000);
    one.add(other);
    EXPECT_EQ(one.total(), 3u);
    EXPECT_EQ(one.sum_us(), 30'000'030u);
    EXPECT_EQ(one.count(0), 1u);
    EXPECT_EQ(one.count(1), 1u);
    EXPECT_EQ(one.count(LogHistogram::edges), 1u);
}

}  // namespace
}  // namespace starling::base
