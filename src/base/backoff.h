// base/backoff.h: the pauses between the attempts of a client to reconnect. Pure; any
// thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace starling::base {

class Backoff {
public:
    // `jitter`: 0 to 1; a value outside means 0.
    Backoff(uint64_t min_ms, uint64_t max_ms, double jitter) noexcept
        : min_ms_(min_ms), max_ms_(max_ms), jitter_(jitter > 0 && jitter <= 1 ? jitter : 0) {}

    // The pause before the next attempt: min * 2^attempts, at most max. The jitter changes the pause
    // before the maximum is applied, by up to its share. `random`: 0 <= random < 1. Its digits choose
    // both size and sign of the change, as in Node's client.
    [[nodiscard]] uint64_t next_ms(double random) noexcept {
        double pause_ms = std::ldexp(static_cast<double>(min_ms_), std::min(attempts_, 1000));
        ++attempts_;
        const double change_ms = std::floor(random * jitter_ * pause_ms);
        const bool longer = (static_cast<int>(random * 10) & 1) != 0;
        pause_ms += longer ? change_ms : -change_ms;
        return static_cast<uint64_t>(std::min(pause_ms, static_cast<double>(max_ms_)));
    }
    void reset() noexcept { attempts_ = 0; }
    [[nodiscard]] int attempts() const noexcept { return attempts_; }

private:
    uint64_t min_ms_, max_ms_;
    double jitter_;
    int attempts_ = 0;
};

}  // namespace starling::base
