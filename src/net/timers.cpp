#include "net/timers.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace starling::net {

TimerId Timers::add(uint64_t due_ms, uint64_t period_ms, std::function<void()> call) {
    STARLING_ASSERT(call);
    const TimerId id = ++last_id_;
    // Memory first, so that every call gets its heap entry.
    if (heap_.size() == heap_.capacity()) heap_.reserve(2 * heap_.size() + 8);
    calls_.emplace(id, Call{period_ms, std::move(call)});
    push({due_ms, id});
    return id;
}

bool Timers::cancel(TimerId id) noexcept {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return false;
    // The call's destructor may cancel another timer.
    const auto call = std::move(found->second.call);
    calls_.erase(found);
    if (heap_.size() > 2 * calls_.size() + cancelled_entries_max) {
        std::erase_if(heap_, [this](const Entry& entry) { return !calls_.contains(entry.id); });
        std::ranges::make_heap(heap_, std::greater<>());
    }
    STARLING_ASSERT(heap_.size() >= calls_.size());
    return true;
}

std::optional<uint64_t> Timers::next_due_ms() {
    while (!heap_.empty() && !calls_.contains(heap_.front().id)) pop();
    if (heap_.empty()) return std::nullopt;
    return heap_.front().due_ms;
}

void Timers::push(Entry entry) {
    heap_.push_back(entry);
    std::ranges::push_heap(heap_, std::greater<>());
}

void Timers::pop() {
    std::ranges::pop_heap(heap_, std::greater<>());
    heap_.pop_back();
}

std::optional<std::function<void()>> Timers::take_due(uint64_t now_ms, TimerId newest) {
    const auto due_ms = next_due_ms();
    if (!due_ms || *due_ms > now_ms) return std::nullopt;
    const TimerId id = heap_.front().id;
    if (id > newest) return std::nullopt;
    pop();
    const auto found = calls_.find(id);
    STARLING_ASSERT(found != calls_.end());
    if (found->second.period_ms == 0) {
        auto call = std::move(found->second.call);
        calls_.erase(found);
        return call;
    }
    const uint64_t period_ms = found->second.period_ms;
    const uint64_t missed = (now_ms - *due_ms) / period_ms;
    push({*due_ms + (missed + 1) * period_ms, id});
    return found->second.call;
}

}  // namespace starling::net
