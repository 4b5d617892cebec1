// load/measure/times.h: when the messages in flight on a connection were sent or due, oldest first.
// Messages of one time take one place.
//
// Owner: one connection. Thread: that connection's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace starling::load {

class Times {
public:
    struct Run {
        uint64_t time = 0;
        uint32_t count = 0;
    };

    void push(uint64_t time, uint32_t count = 1) {
        messages_ += count;
        if (runs_ > 0 && at(runs_ - 1).time == time) {
            at(runs_ - 1).count += count;
            return;
        }
        if (runs_ == ring_.size()) grow();
        at(runs_++) = {time, count};
    }
    // The oldest messages of one time, at least one and at most `count`. Only if not empty.
    Run pop(uint32_t count) noexcept {
        Run& oldest = ring_[first_];
        const Run taken{oldest.time, std::min(count, oldest.count)};
        messages_ -= taken.count;
        oldest.count -= taken.count;
        if (oldest.count == 0) {
            first_ = (first_ + 1) & (ring_.size() - 1);
            --runs_;
        }
        return taken;
    }
    [[nodiscard]] size_t size() const noexcept { return messages_; }
    void clear() noexcept { first_ = runs_ = messages_ = 0; }

private:
    Run& at(size_t index) noexcept { return ring_[(first_ + index) & (ring_.size() - 1)]; }
    void grow() {
        std::vector<Run> larger(ring_.empty() ? 4 : ring_.size() * 2);
        for (size_t i = 0; i < runs_; ++i) larger[i] = at(i);
        ring_ = std::move(larger);
        first_ = 0;
    }

    std::vector<Run> ring_;  // The size is 0 or a power of two.
    size_t first_ = 0, runs_ = 0, messages_ = 0;
};

}  // namespace starling::load
