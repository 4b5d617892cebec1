// load/measure/histogram.h: latencies in buckets that are at most 1/64 (1.6 %) wide. Recording one
// costs a few instructions. A histogram takes 30 KiB, for any number of latencies.
//
// Owner: one thread of the load generator; merge() adds the histograms of the others at the end.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace starling::load {

class Histogram {
public:
    void record(uint64_t nanoseconds, uint64_t times = 1) noexcept {
        counts_[index(nanoseconds)] += times;
        total_ += times;
        max_ = std::max(max_, nanoseconds);
    }
    void merge(const Histogram& other) noexcept;
    void clear() noexcept;

    [[nodiscard]] uint64_t total() const noexcept { return total_; }
    [[nodiscard]] uint64_t max_ns() const noexcept { return max_; }  // Exact; 0: nothing recorded.
    // The upper edge of the bucket that holds the given share (0 to 1) of all recorded values, and
    // no more than the greatest of them. 0: nothing recorded.
    [[nodiscard]] uint64_t nanoseconds(double share) const noexcept;
    [[nodiscard]] double microseconds(double share) const noexcept {
        return static_cast<double>(nanoseconds(share)) / 1000;
    }

private:
    static constexpr unsigned precision_bits = 6;
    static constexpr uint64_t steps = 1U << precision_bits;

    static size_t index(uint64_t value) noexcept {
        if (value < steps) return value;
        const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - precision_bits - 1;
        return (shift + 1) * steps + ((value >> shift) & (steps - 1));
    }
    static uint64_t edge(size_t index) noexcept;

    std::array<uint64_t, steps*(64 - precision_bits + 1)> counts_{};
    uint64_t total_ = 0, max_ = 0;
};

}  // namespace starling::load
