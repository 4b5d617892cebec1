// net/flush_turn.h: how many streams a tick flushes before the others wait for later ticks.
//
// A flush takes from 1 us to some 100 us, depending on the bytes, on TLS and on the kernel. If a
// program writes to 100,000 streams in one tick, a tick that flushed all of them would hold the loop
// for some 100 ms. Ordinary ticks do not look at the clock.
//
// Owner: Loop, for one tick. Thread: the loop's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace starling::net {

struct FlushLimits {
    size_t unasked_max = 500;      // So many flushes are made without a look at the clock,
    uint64_t us_max = 2000;        // and then more of them for so long.
    size_t flushes_per_look = 32;  // At least so many flushes of a crowd in each tick.
};

class FlushTurn {
public:
    // `whole`: there will be no later tick.
    FlushTurn(const FlushLimits& limits, bool whole) noexcept : limits_(limits), whole_(whole) {}

    // Before each flush. False: the stream waits for a later tick.
    [[nodiscard]] bool goes_on() noexcept {
        if (done_ < limits_.unasked_max) [[likely]]
            return ++done_, true;
        return whole_ || has_time();
    }
    // The same for a stream that has waited; `done`: the ones before it in this tick.
    [[nodiscard]] bool late_goes_on(size_t done) noexcept {
        return done < limits_.flushes_per_look || goes_on();
    }

private:
    using Clock = std::chrono::steady_clock;

    bool has_time() noexcept {
        if (over_) return false;
        if (done_++ == limits_.unasked_max)
            ends_ = Clock::now() + std::chrono::microseconds(limits_.us_max);
        if (++since_look_ < limits_.flushes_per_look) return true;
        since_look_ = 0;
        over_ = Clock::now() >= ends_;
        return !over_;
    }

    const FlushLimits limits_;
    const bool whole_;
    bool over_ = false;
    size_t done_ = 0, since_look_ = 0;
    Clock::time_point ends_;
};

}  // namespace starling::net
