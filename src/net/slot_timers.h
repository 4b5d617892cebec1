// net/slot_timers.h: coarse timeouts of objects that have slots of a base::SlotPool. A timeout
// costs four bytes, and the object no member; a TimerEntry of a TimerWheel costs 20.
//
// Setting and cancelling a timeout are O(1). A tick looks at each group of 63 slots once, and at
// the slots of the groups that may have a timeout that is due.
//
// Pure: the owner passes the time, in milliseconds of a clock that never goes back. A timeout fires
// up to one tick late and never early. Timeouts of one tick fire in the order of the slots.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "base/segmented.h"
#include "net/timer_wheel.h"

namespace starling::net {

class SlotTimers {
public:
    static constexpr uint64_t tick_ms = TimerWheel::tick_ms;
    static constexpr uint64_t delay_ms_max = TimerWheel::delay_ms_max;  // Longer delays are cut.

    explicit SlotTimers(uint64_t now_ms) noexcept
        : begin_(now_ms / tick_ms), reached_(now_ms / tick_ms) {}

    // Makes room for the timeouts of the slots up to this one. Throws std::bad_alloc.
    void make_room(uint32_t slot) {
        while (groups_.size() <= slot / group_slots) groups_.push_back(Group());
    }

    // Replaces the earlier timeout. make_room() was called for the slot, or for a higher one.
    void set(uint32_t slot, uint64_t now_ms, uint64_t delay_ms) noexcept {
        const uint64_t due_ms = now_ms + std::min(delay_ms, delay_ms_max);
        // Later than the tick that advance() has reached.
        const uint64_t first = std::max(now_ms / tick_ms, reached_) + 1;
        const uint32_t due = ticks(std::max((due_ms + tick_ms - 1) / tick_ms, first));
        Group& group = group_of(slot);
        group.due[slot % group_slots] = due;
        group.soonest = std::min(group.soonest, due);
    }
    void cancel(uint32_t slot) noexcept { group_of(slot).due[slot % group_slots] = never; }
    [[nodiscard]] bool is_set(uint32_t slot) const noexcept {
        return groups_[slot / group_slots].due[slot % group_slots] != never;
    }

    // Calls `fire(slot)` for each timeout that is due. The call may set and cancel any timeout.
    template <class Fire>
    void advance(uint64_t now_ms, Fire&& fire) {
        if (now_ms / tick_ms <= reached_) return;
        reached_ = now_ms / tick_ms;
        const uint32_t now = ticks(reached_);
        for (uint32_t number = 0; number < groups_.size(); ++number) {
            if (groups_[number].soonest > now) continue;
            for (uint32_t index = 0; index < group_slots; ++index) {
                // The call may move the groups.
                if (groups_[number].due[index] > now) continue;
                groups_[number].due[index] = never;
                fire(number * group_slots + index);
            }
            groups_[number].soonest = *std::ranges::min_element(groups_[number].due);
        }
    }

private:
    static constexpr uint32_t group_slots = 63;
    static constexpr uint32_t never = UINT32_MAX;

    struct Group {
        Group() noexcept { due.fill(never); }
        std::array<uint32_t, group_slots> due;  // In ticks since the beginning.
        uint32_t soonest = never;               // None of them is due before this.
    };
    static_assert(sizeof(Group) == 256);

    // Ticks since the beginning. They are cut after 34 years.
    [[nodiscard]] uint32_t ticks(uint64_t tick) const noexcept {
        return static_cast<uint32_t>(std::min<uint64_t>(tick - begin_, never - 1));
    }
    [[nodiscard]] Group& group_of(uint32_t slot) noexcept {
        STARLING_ASSERT(slot / group_slots < groups_.size());
        return groups_[slot / group_slots];
    }

    base::Segmented<Group> groups_;
    const uint64_t begin_;  // A tick.
    uint64_t reached_;      // The tick that advance() has reached.
};

}  // namespace starling::net
