// bench/histogram.h: latencies in buckets with a width of about 1.6 %. Recording a latency costs a
// few instructions. A histogram takes 30 KiB, for any number of latencies.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace starling::bench {

class Histogram {
public:
    void record(uint64_t nanoseconds, uint64_t times = 1) noexcept {
        counts_[index(nanoseconds)] += times;
        total_ += times;
    }

    void clear() noexcept {
        counts_.fill(0);
        total_ = 0;
    }

    uint64_t total() const noexcept { return total_; }

    // The upper edge of the bucket that holds the given share (0 to 1) of all recorded values.
    double microseconds(double share) const noexcept {
        if (total_ == 0) return 0;
        const auto wanted = static_cast<uint64_t>(share * static_cast<double>(total_));
        uint64_t seen = 0;
        for (size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen > wanted || seen == total_) return static_cast<double>(edge(i)) / 1000;
        }
        return 0;
    }

private:
    static constexpr unsigned precision_bits = 6;
    static constexpr uint64_t steps = 1U << precision_bits;

    static size_t index(uint64_t value) noexcept {
        if (value < steps) return value;
        const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - precision_bits - 1;
        return (shift + 1) * steps + ((value >> shift) & (steps - 1));
    }

    static uint64_t edge(size_t i) noexcept {
        if (i < steps) return i;
        return (steps + i % steps + 1) << (i / steps - 1);
    }

    std::array<uint64_t, steps*(64 - precision_bits + 1)> counts_{};
    uint64_t total_ = 0;
};

}  // namespace starling::bench
