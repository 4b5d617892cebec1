// net/timer_wheel.h: coarse timeouts of many connections. Setting and cancelling a timeout are
// O(1).
//
// Pure: the owner passes the time, in milliseconds of a clock that never goes back. A timeout fires
// up to one tick late and never early. Entries are members of the objects with timeouts
// (intrusive).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/assert.h"
#include "base/intrusive_list.h"

namespace starling::net {

struct TimerEntry : base::ListLink {
    uint32_t deadline_tick = 0;  // Valid while linked.
};

class TimerWheel {
public:
    static constexpr uint64_t tick_ms = 250;

    static constexpr uint64_t delay_ms_max = tick_ms << 30;  // 8 years; longer delays are cut.

    explicit TimerWheel(uint64_t now_ms) noexcept : tick_(now_ms / tick_ms) {}

    // Replaces the earlier timeout. `entry` is unlinked when it fires or is destroyed.
    void set(TimerEntry& entry, uint64_t now_ms, uint64_t delay_ms) noexcept {
        entry.unlink();
        const uint64_t due_ms = now_ms + std::min(delay_ms, delay_ms_max);
        // Must be later than the tick that advance() has reached, or the entry is found a turn
        // late.
        const uint64_t first_tick = std::max(now_ms / tick_ms, tick_) + 1;
        entry.deadline_tick =
            static_cast<uint32_t>(std::max((due_ms + tick_ms - 1) / tick_ms, first_tick));
        entry.insert_before(slots_[entry.deadline_tick % slots_.size()]);
    }

    // Calls `fire(entry)` for each timeout that is due. The call may set, cancel or destroy any
    // entry. An entry more than one turn of the wheel away is visited early and stays.
    template <class Fire>
    void advance(uint64_t now_ms, Fire&& fire) {
        const uint64_t now_tick = now_ms / tick_ms;
        if (now_tick <= tick_) return;
        const auto target =
            static_cast<uint32_t>(now_tick);  // Ticks of entries are compared modulo 2^32.
        // One turn visits every entry.
        const auto steps =
            static_cast<uint32_t>(std::min<uint64_t>(now_tick - tick_, slots_.size()));
        for (uint32_t step = 0; step < steps; ++step) {
            const uint32_t tick = target - steps + 1 + step;
            base::ListLink due;
            due.take_all(slots_[tick % slots_.size()]);
            while (due.linked()) {
                auto& entry = static_cast<TimerEntry&>(*due.next());
                entry.unlink();
                STARLING_ASSERT(entry.deadline_tick % slots_.size() == tick % slots_.size());
                if (static_cast<int32_t>(entry.deadline_tick - target) > 0)
                    entry.insert_before(slots_[tick % slots_.size()]);
                else
                    fire(entry);
            }
        }
        tick_ = now_tick;
    }

    // The earliest time at which advance() may have work; the loop sleeps no longer than that.
    [[nodiscard]] uint64_t next_tick_ms() const noexcept { return (tick_ + 1) * tick_ms; }

private:
    std::array<base::ListLink, 256> slots_;  // One turn is 64 s.
    uint64_t tick_;
};

}  // namespace starling::net
