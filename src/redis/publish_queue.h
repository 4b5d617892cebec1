// redis/publish_queue.h: commands that wait for a server, oldest first, within a number of bytes. A
// command that does not fit pushes out the oldest ones; each of these is counted. Pure.
// Thread: the owner's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "redis/errors.h"
#include "redis/session.h"

namespace starling::redis {

class PublishQueue {
public:
    struct Entry {
        std::string command;  // Encoded.
        Done done;
        int32_t slot = -1;    // -1: any node of a cluster.
        uint64_t number = 0;  // Of its order among all commands of the client.
        int redirects = 0;
        bool goes_first = false;             // Of a flow that is blocked: see Flows.
        std::unique_ptr<Endpoint> ask = {};  // ASK: this one time, this node takes it.
        uint64_t until_ms = 0;  // Withdrawn then, unless it is under way. 0: it waits for ever.
        uint64_t sent_ms = 0;   // The latest time.

        [[nodiscard]] bool is_late(uint64_t now_ms) const noexcept {
            return until_ms > 0 && until_ms <= now_ms;
        }
    };

    explicit PublishQueue(size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

    // False: the command alone is larger than the queue; it is dropped.
    bool push(Entry entry) {
        const size_t bytes = cost(entry);
        if (bytes > bytes_max_) {
            drop(std::move(entry));
            return false;
        }
        while (bytes_ + bytes > bytes_max_) drop(pop());
        bytes_ += bytes;
        entries_.push_back(std::move(entry));
        return true;
    }
    // Only if it is not empty.
    Entry pop() {
        Entry entry = std::move(entries_.front());
        entries_.pop_front();
        bytes_ -= cost(entry);
        return entry;
    }
    // Takes out the commands that have waited for too long.
    void take_late(uint64_t now_ms, std::vector<Entry>& late) {
        const auto is_late = [now_ms](const Entry& entry) { return entry.is_late(now_ms); };
        if (std::ranges::none_of(entries_, is_late)) return;
        for (Entry& entry : std::exchange(entries_, {})) {
            const bool ends = is_late(entry);
            if (ends) bytes_ -= cost(entry);
            if (ends)
                late.push_back(std::move(entry));
            else
                entries_.push_back(std::move(entry));
        }
    }
    // Ends each waiting command with `why`; none of them counts as dropped.
    void clear(std::string_view why) {
        bytes_ = 0;
        // A Done may add commands: these stay.
        for (const Entry& entry : std::exchange(entries_, {}))
            if (entry.done) entry.done({nullptr, why});
    }
    [[nodiscard]] const Entry& front() const noexcept { return entries_.front(); }
    [[nodiscard]] bool is_empty() const noexcept { return entries_.empty(); }
    [[nodiscard]] size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] uint64_t dropped() const noexcept { return dropped_; }

    // What an entry costs besides its command.
    static constexpr size_t entry_bytes = sizeof(Entry);

private:
    [[nodiscard]] static size_t cost(const Entry& entry) noexcept {
        return entry.command.size() + entry_bytes;
    }
    void drop(Entry entry) {
        ++dropped_;
        if (entry.done) entry.done({nullptr, "dropped: the queue is full"});
    }

    const size_t bytes_max_;
    size_t bytes_ = 0;
    uint64_t dropped_ = 0;
    std::deque<Entry> entries_;
};

}  // namespace starling::redis
