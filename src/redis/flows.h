// redis/flows.h: keeps commands in their order while the server refuses some of them for the moment,
// because their slot has moved or the server is not ready. The commands of a slot are a flow; -1 is the
// flow of the commands that any server takes.
//
//     flows.sent(slot);                          // for each command
//     flows.answered(slot);                      // its answer is final; or
//     flows.bounced(std::move(entry), when_ms);  // it is to be sent again
//     if (flows.is_blocked(slot)) ...            // commands behind it wait
//     for (auto& entry : flows.release(now_ms)) ...
//
// A flow is blocked from its first bounced command until all commands under way have their answers, so
// that the ones behind, which the old server refuses as well, go before those that are new. While the
// server is not ready, the first command goes alone: the others would be executed before it, if the
// server became ready between the two.
//
// Owner: the Client. Pure. Thread: the owner's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "redis/publish_queue.h"

namespace starling::redis {

class Flows {
public:
    using Entry = PublishQueue::Entry;

    void sent(int32_t slot) {
        if (slot < 0)
            ++any_;
        else
            ++under_way_[slot];
    }
    void answered(int32_t slot) noexcept {
        end(slot);
        if (blocked_.empty()) return;
        if (const auto found = blocked_.find(slot); found != blocked_.end())
            found->second.alone = false;
    }
    // In place of answered(). `alone`: the first command is to be sent alone.
    void bounced(Entry entry, uint64_t not_before_ms, bool alone) {
        const int32_t slot = entry.slot;
        Blocked& blocked = blocked_[slot];
        blocked.not_before_ms = std::max(blocked.not_before_ms, not_before_ms);
        blocked.alone = blocked.alone || alone;
        entry.goes_first = false;
        blocked.entries.push_back(std::move(entry));
        end(slot);
    }
    [[nodiscard]] bool is_blocked(int32_t slot) const noexcept {
        return !blocked_.empty() && blocked_.contains(slot);
    }
    // The commands that may be sent again now; their flows are no longer blocked, but for those with
    // Entry::goes_first.
    [[nodiscard]] std::vector<Entry> release(uint64_t now_ms) {
        std::vector<Entry> entries;
        for (auto at = blocked_.begin(); at != blocked_.end();) {
            if (is_under_way(at->first) || at->second.not_before_ms > now_ms) {
                ++at;
                continue;
            }
            Blocked& blocked = at->second;
            std::ranges::sort(blocked.entries, {}, &Entry::number);
            if (blocked.alone && !blocked.entries.empty()) {
                blocked.entries.front().goes_first = true;
                entries.push_back(std::move(blocked.entries.front()));
                blocked.entries.erase(blocked.entries.begin());
                ++at;
                continue;
            }
            std::ranges::move(blocked.entries, std::back_inserter(entries));
            at = blocked_.erase(at);
        }
        return entries;
    }
    // When release() has something next. Nothing: answered() or bounced() comes before.
    [[nodiscard]] std::optional<uint64_t> due_ms() const noexcept {
        std::optional<uint64_t> due;
        for (const auto& [slot, blocked] : blocked_)
            if (!is_under_way(slot))
                due = std::min(due.value_or(UINT64_MAX), blocked.not_before_ms);
        return due;
    }
    // Takes out the bounced commands that have waited for too long.
    void take_late(uint64_t now_ms, std::vector<Entry>& late) {
        for (auto& [slot, blocked] : blocked_) {
            std::vector<Entry> kept;
            for (Entry& entry : blocked.entries)
                (entry.is_late(now_ms) ? late : kept).push_back(std::move(entry));
            blocked.entries = std::move(kept);
        }
    }
    // Forgets what is bounced.
    [[nodiscard]] std::vector<Entry> clear() {
        std::vector<Entry> entries;
        for (auto& [slot, blocked] : std::exchange(blocked_, {}))
            std::ranges::move(blocked.entries, std::back_inserter(entries));
        return entries;
    }
    [[nodiscard]] size_t size() const noexcept {
        size_t sum = 0;
        for (const auto& [slot, blocked] : blocked_) sum += blocked.entries.size();
        return sum;
    }

private:
    struct Blocked {
        uint64_t not_before_ms = 0;
        bool alone = false;
        std::vector<Entry> entries;
    };
    void end(int32_t slot) noexcept {
        if (slot < 0) {
            --any_;
            return;
        }
        const auto found = under_way_.find(slot);
        if (--found->second == 0) under_way_.erase(found);
    }
    [[nodiscard]] bool is_under_way(int32_t slot) const noexcept {
        return slot < 0 ? any_ > 0 : under_way_.contains(slot);
    }

    uint64_t any_ = 0;
    std::unordered_map<int32_t, uint32_t> under_way_;
    std::map<int32_t, Blocked> blocked_;
};

}  // namespace starling::redis
