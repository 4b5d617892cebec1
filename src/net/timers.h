// net/timers.h: a few exact timers: `every` and `after` of the application.
//
// Pure: the owner passes the time. Cancelling is lazy: the heap entry stays until it is due, or
// until cancelled entries are the larger part of the heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace starling::net {

using TimerId = uint64_t;  // Never reused; 0 is no timer.

class Timers {
public:
    // `period_ms` 0: fires once. A periodic timer that is late fires once, then keeps its rhythm.
    TimerId add(uint64_t due_ms, uint64_t period_ms, std::function<void()> call);
    // True if the timer was still going to fire. A running call is not interrupted.
    bool cancel(TimerId id) noexcept;

    [[nodiscard]] std::optional<uint64_t> next_due_ms();

    // Fires what is due at `now_ms`, each call through `guard(call)`. Timers added by these calls
    // wait for the next run(): a timer that adds itself again without delay cannot block the loop.
    template <class Middleware>
    void run(uint64_t now_ms, Middleware&& guard) {
        const TimerId newest = last_id_;
        while (auto due = take_due(now_ms, newest)) guard(*due);
    }
    [[nodiscard]] size_t entries() const noexcept { return heap_.size(); }

private:
    struct Entry {
        uint64_t due_ms;
        TimerId id;
        bool operator>(const Entry& other) const noexcept {
            return due_ms != other.due_ms ? due_ms > other.due_ms : id > other.id;
        }
    };
    struct Call {
        uint64_t period_ms;
        std::function<void()> call;
    };

    // The heap may hold this many more cancelled entries than live ones.
    static constexpr size_t cancelled_entries_max = 64;

    void push(Entry entry);
    void pop();
    std::optional<std::function<void()>> take_due(uint64_t now_ms, TimerId newest);

    std::vector<Entry> heap_;  // The entry that is due first is at the front.
    std::unordered_map<TimerId, Call> calls_;
    TimerId last_id_ = 0;
};

}  // namespace starling::net
