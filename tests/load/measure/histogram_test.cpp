#include "load/measure/histogram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace {

using starling::load::Histogram;

TEST(Histogram, NothingRecorded) {
    const Histogram histogram;
    EXPECT_EQ(histogram.total(), 0U);
    EXPECT_EQ(histogram.nanoseconds(0.5), 0U);
    EXPECT_EQ(histogram.max_ns(), 0U);
}

// One value: every percentile is it, from 0 to the greatest.
TEST(Histogram, OneValueIsExact) {
    for (const uint64_t value :
         {uint64_t{0}, uint64_t{1}, uint64_t{63}, uint64_t{64}, uint64_t{65}, uint64_t{127},
          uint64_t{128}, uint64_t{1'000'000}, uint64_t{3'600'000'000'000}, ~uint64_t{0}}) {
        Histogram histogram;
        histogram.record(value);
        for (const double share : {0.0, 0.5, 0.999, 1.0})
            EXPECT_EQ(histogram.nanoseconds(share), value) << value;
        EXPECT_EQ(histogram.max_ns(), value);
    }
}

// A percentile is never below the true value, and above it by 1/64 at most.
TEST(Histogram, Precision) {
    for (uint64_t value = 1; value < uint64_t{1} << 60; value += value / 7 + 1) {
        Histogram histogram;
        histogram.record(value);
        histogram.record(~uint64_t{0});
        const uint64_t told = histogram.nanoseconds(0);
        EXPECT_GE(told, value);
        EXPECT_LE(told - value, value / 64) << value;
    }
}

TEST(Histogram, Percentiles) {
    Histogram histogram;
    for (uint64_t i = 1; i <= 1000; ++i) histogram.record(i * 1000);
    struct {
        double share, microseconds;
    } const cases[] = {{0.5, 501}, {0.9, 901}, {0.99, 991}, {0.999, 1000}, {1, 1000}};
    for (const auto& one : cases) {
        EXPECT_GE(histogram.microseconds(one.share), one.microseconds) << one.share;
        EXPECT_LE(histogram.microseconds(one.share), one.microseconds * (1 + 1.0 / 64) + 1)
            << one.share;
    }
    EXPECT_EQ(histogram.max_ns(), 1'000'000U);
}

TEST(Histogram, ManyAtOnceAreManyRecords) {
    Histogram one, other;
    one.record(500, 3);
    for (int i = 0; i < 3; ++i) other.record(500);
    one.record(9000);
    other.record(9000);
    EXPECT_EQ(one.total(), 4U);
    for (const double share : {0.0, 0.7, 0.76, 1.0})
        EXPECT_EQ(one.nanoseconds(share), other.nanoseconds(share));
}

// Merged histograms tell what one histogram of all values tells.
TEST(Histogram, Merge) {
    std::vector<Histogram> parts(3);
    Histogram whole;
    uint64_t value = 12'345;
    for (size_t i = 0; i < 3000; ++i) {
        value = value * 6364136223846793005U + 1442695040888963407U;
        parts[i % 3].record(value >> 40);
        whole.record(value >> 40);
    }
    Histogram merged;
    for (const Histogram& part : parts) merged.merge(part);
    EXPECT_EQ(merged.total(), whole.total());
    EXPECT_EQ(merged.max_ns(), whole.max_ns());
    for (double share = 0; share <= 1; share += 0.01)
        EXPECT_EQ(merged.nanoseconds(share), whole.nanoseconds(share)) << share;
    merged.clear();
    EXPECT_EQ(merged.total(), 0U);
    EXPECT_EQ(merged.max_ns(), 0U);
}

}  // namespace
