// base/log_histogram.h: durations in buckets whose upper edges are powers of two microseconds.
// Recording one duration costs a few instructions; a histogram has the same size for any number of
// durations. For figures that Prometheus reads: the edges never change.
//
// Thread: the owner's.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace starling::base {

class LogHistogram {
public:
    // Edges from 16 microseconds to 16.8 seconds; one bucket more holds what is longer.
    static constexpr unsigned first_power = 4, last_power = 24;
    static constexpr size_t edges = last_power - first_power + 1;

    // The upper edge of a bucket. A duration equal to the edge is in the bucket.
    [[nodiscard]] static constexpr uint64_t edge_us(size_t bucket) noexcept {
        return uint64_t{1} << (first_power + bucket);
    }

    void record(uint64_t microseconds) noexcept {
        ++counts_[bucket_of(microseconds)];
        ++total_;
        sum_us_ += microseconds;
    }
    void add(const LogHistogram& other) noexcept {
        for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
        total_ += other.total_;
        sum_us_ += other.sum_us_;
    }

    // The durations in one bucket; bucket `edges`: those beyond the last edge.
    [[nodiscard]] uint64_t count(size_t bucket) const noexcept { return counts_[bucket]; }
    [[nodiscard]] uint64_t total() const noexcept { return total_; }
    [[nodiscard]] uint64_t sum_us() const noexcept { return sum_us_; }

private:
    static size_t bucket_of(uint64_t microseconds) noexcept {
        if (microseconds <= edge_us(0)) return 0;
        const auto power = static_cast<unsigned>(std::bit_width(microseconds - 1));
        return power > last_power ? edges : power - first_power;
    }

    std::array<uint64_t, edges + 1> counts_{};
    uint64_t total_ = 0, sum_us_ = 0;
};

}  // namespace starling::base
