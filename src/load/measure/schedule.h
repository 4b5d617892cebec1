// load/measure/schedule.h: when messages are due in the open model, and when connections are opened.
// Pure functions of the time that they are given.
#pragma once

#include <cstdint>

namespace starling::load {

// Message number n of the whole run is due n / rate seconds after the start. Thread t of T sends
// the messages t, t + T, t + 2T, ... Each time is computed from n, so that no error adds up.
class Schedule {
public:
    // `rate`: messages in a second of all threads together, 1 to 10^9.
    Schedule(uint64_t rate, uint32_t thread, uint32_t threads) noexcept
        : rate_(rate), threads_(threads), number_(thread) {}

    void start(uint64_t at_ns) noexcept { start_ns_ = at_ns; }
    // When the next message is due.
    [[nodiscard]] uint64_t next_ns() const noexcept { return start_ns_ + offset_ns(number_); }
    void advance() noexcept { number_ += threads_; }

private:
    static constexpr uint64_t second_ns = 1'000'000'000;

    [[nodiscard]] uint64_t offset_ns(uint64_t n) const noexcept {
        return n / rate_ * second_ns + n % rate_ * second_ns / rate_;
    }

    uint64_t rate_;
    uint32_t threads_;
    uint64_t number_;
    uint64_t start_ns_ = 0;
};

// How many of `count` connections may have been opened `passed_ns` after the start, if they are
// spread evenly over `ramp_ns`. 0: no ramp, all of them.
[[nodiscard]] constexpr uint32_t opened_by(uint64_t passed_ns, uint64_t ramp_ns,
                                           uint32_t count) noexcept {
    if (passed_ns >= ramp_ns) return count;
    const double share = static_cast<double>(passed_ns) / static_cast<double>(ramp_ns);
    const auto due = static_cast<uint32_t>(share * count) + 1;
    return due < count ? due : count;
}

}  // namespace starling::load
