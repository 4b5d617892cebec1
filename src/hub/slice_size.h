// hub/slice_size.h: how much of a delivery in slices a worker does in one tick. Pure.
//
// The cost of a delivery is not known before: a send takes from 1 us to some 100 us, depending on
// the size of the message, on TLS and on the kernel, and happens at the end of the tick. Therefore
// the time from one slice to the next one, which is a whole tick, decides the size of the next one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace starling::hub {

class SliceSize {
public:
    // A tick with a slice shall take about `tick_us`. Between the two others the size stays.
    static constexpr uint64_t tick_us = 2000, short_tick_us = 1500, long_tick_us = 2500;
    static constexpr size_t units_min = 16, units_first = 256, units_max = 4096;

    // The next slice is the first one after a pause.
    void pause() noexcept { runs_ = false; }
    // A slice begins. Returns its units, see Hub::deliver_slice(). `now_us`: of a steady clock.
    [[nodiscard]] size_t next(uint64_t now_us) noexcept {
        if (runs_) adjust(now_us - began_us_);
        runs_ = true;
        began_us_ = now_us;
        return units_;
    }

private:
    void adjust(uint64_t took_us) noexcept {
        if (took_us < short_tick_us) units_ += units_ / 2;
        if (took_us > long_tick_us) units_ = units_ * tick_us / took_us;
        units_ = std::clamp(units_, units_min, units_max);
    }

    size_t units_ = units_first;
    uint64_t began_us_ = 0;
    bool runs_ = false;
};

}  // namespace starling::hub
