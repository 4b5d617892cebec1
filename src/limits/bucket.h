// limits/bucket.h: a token bucket, as one number: the time at which the bucket is full again (the
// generic cell rate algorithm). Pure: the caller passes the time. Any thread, one at a time.
#pragma once

#include <starling/limits.h>

#include <algorithm>
#include <cstdint>

namespace starling::limits {

// A Rate in the terms of a Bucket. Times are in nanoseconds of any clock that never goes back.
class BucketRate {
public:
    BucketRate() = default;
    explicit BucketRate(const Rate& rate) noexcept
        : per_second_(rate.per_second),
          fills_ns_(rate.per_second == 0 ? 0 : time_of(rate.burst ? rate.burst : rate.per_second)),
          token_ns_(rate.per_second == 0 ? 0 : time_of(1)) {}

    [[nodiscard]] bool is_on() const noexcept { return per_second_ != 0; }
    // How long `tokens` take to arrive, rounded down: a full bucket has no token too few.
    [[nodiscard]] uint64_t time_of(uint64_t tokens) const noexcept {
        constexpr uint64_t second_ns = 1'000'000'000, tokens_max = UINT64_MAX / second_ns - 1;
        const uint64_t whole_s = tokens / per_second_, rest = tokens % per_second_;
        if (whole_s >= tokens_max) return UINT64_MAX / 4;
        // `rest` is less than the rate, which overflows only beyond 18 GB per second.
        const uint64_t part_ns = rest < tokens_max ? rest * second_ns / per_second_ : second_ns;
        return std::min(whole_s * second_ns + part_ns, UINT64_MAX / 4);
    }
    [[nodiscard]] uint64_t fills_ns() const noexcept { return fills_ns_; }  // From empty to full.
    [[nodiscard]] uint64_t token_ns() const noexcept { return token_ns_; }

private:
    uint64_t per_second_ = 0, fills_ns_ = 0, token_ns_ = 0;
};

struct Bucket {
    uint64_t full_at_ns = 0;  // A new bucket is full.

    // 0: `cost` tokens were taken, even if fewer than that were left: what one message costs is
    // known only once it is there. Otherwise the bucket is empty, and the result says for how long.
    [[nodiscard]] uint64_t take(const BucketRate& rate, uint64_t now_ns,
                                uint64_t cost = 1) noexcept {
        const uint64_t full_at = std::max(full_at_ns, now_ns);
        const uint64_t latest = now_ns + rate.fills_ns();
        if (full_at + rate.token_ns() > latest) return full_at + rate.token_ns() - latest;
        full_at_ns = full_at + rate.time_of(cost);
        return 0;
    }
    [[nodiscard]] bool is_full(uint64_t now_ns) const noexcept { return full_at_ns <= now_ns; }
};

static_assert(sizeof(Bucket) == 8);

// For Retry-After, which counts seconds.
[[nodiscard]] constexpr uint64_t whole_seconds(uint64_t ns) noexcept {
    return (ns + 999'999'999) / 1'000'000'000;
}

}  // namespace starling::limits
