// hub/history.h: the history of channels: the newest publications of each, with their offsets.
//
// History is the interface of a store. A call is answered through its callback: the store in memory
// calls back at once, a store on another machine later. Code that uses a History must work with
// both, and with a store that is away: see hub/remote_history.h.
//
// MemoryHistory holds the publications in memory. A publication is dropped when its channel has too
// many of them, when it is too old, and when all channels together hold too many bytes: then the
// oldest publication goes first.
//
// Owner: server::Events. Thread: History: any; MemoryHistory: one at a time. Pure: the time is an
// argument, in milliseconds of a clock that never goes back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/intrusive_list.h"
#include "base/keyed_hash.h"
#include "hub/position.h"

namespace starling::hub {

// How much of a channel is kept. A channel has one rule for its whole life.
struct HistoryRule {
    uint32_t messages = 0;  // 0: nothing is kept.
    uint64_t age_ms = 0;

    explicit operator bool() const noexcept { return messages > 0; }
};

// A publication with its place in the history.
struct Kept {
    std::string channel;
    std::string epoch;
    uint64_t offset = 0;
    std::string text;
    // Receivers on all workers; each worker adds its own. It is part of the publication because a
    // worker may deliver the publication before the call that the publisher posted arrives.
    mutable std::atomic<size_t> delivered{0};

    [[nodiscard]] Position position() const { return {epoch, offset}; }
};
using KeptPtr = std::shared_ptr<const Kept>;

struct HistoryQuery {
    std::string_view channel;
    std::optional<Position> since;  // None: the newest publications.
    size_t limit = SIZE_MAX;
    size_t bytes_max = SIZE_MAX;  // Of the texts. One message is given in any case.
};

struct HistoryPage {
    Position top;        // Of the newest publication, kept or not.
    uint64_t first = 0;  // Offset of the oldest one that is kept; none: top.offset + 1.
    std::vector<KeptPtr> messages = {};  // Oldest first. Those after `since`, up to the limit.
    bool more = false;                   // The limit left newer ones out.
    // Publications up to this offset are of an earlier epoch. They are listed, and nobody who knew
    // the earlier epoch can tell which of them are new.
    uint64_t begun = 0;
    bool failed = false;  // The store is away: nothing else is set.

    // True: all publications after `position` are still kept.
    [[nodiscard]] bool covers(const Position& position) const noexcept {
        return position.epoch == top.epoch && position.offset <= top.offset &&
               position.offset + 1 >= first;
    }
};

class History {
public:
    virtual ~History() = default;
    // Gives the publication the next offset of its channel. Later calls of a thread get later
    // offsets. `done` runs on any thread. Null: the store is away, and the publication is dropped.
    virtual void append(std::string_view channel, const HistoryRule& rule, std::string_view text,
                        uint64_t now_ms, const std::function<void(KeptPtr)>& done) = 0;
    // `done` gets a consistent page: no publication is appended while it is made. It runs on the
    // thread that asked, if that is a worker's.
    virtual void read(const HistoryQuery& query, uint64_t now_ms,
                      const std::function<void(HistoryPage)>& done) = 0;
};

struct HistoryStats {
    uint64_t channels = 0, messages = 0, bytes = 0;
    uint64_t evicted = 0;  // Messages dropped because of bytes_max, since the start.
};

class MemoryHistory {
public:
    // `epoch`: up to 16 letters and digits that no earlier history had, such as random ones.
    MemoryHistory(std::string_view epoch, uint64_t bytes_max);
    ~MemoryHistory();
    MemoryHistory(const MemoryHistory&) = delete;
    MemoryHistory& operator=(const MemoryHistory&) = delete;

    KeptPtr append(std::string_view channel, const HistoryRule& rule, std::string_view text,
                   uint64_t now_ms);
    [[nodiscard]] HistoryPage read(const HistoryQuery& query, uint64_t now_ms);
    // Drops what is too old.
    void expire(uint64_t now_ms);
    [[nodiscard]] const HistoryStats& stats() const noexcept { return stats_; }

private:
    struct Log;
    struct Entry;
    using Logs =
        std::unordered_map<std::string, std::unique_ptr<Log>, base::KeyedTextHash, std::equal_to<>>;

    [[nodiscard]] std::string epoch() const;
    static void fit(const std::deque<Entry>& entries, const HistoryQuery& query, size_t& begin,
                    size_t& end);
    void drop_oldest_of(Log& log);
    void drop_log(Log& log);
    void evict();

    const std::string seed_;
    const uint64_t bytes_max_;
    uint64_t generation_ = 0;  // Logs that were dropped so far: part of the epoch of a new log.
    uint64_t appended_ = 0;
    HistoryStats stats_;
    Logs logs_;
    // Publications with the same maximum age, oldest first; the maximum age is the key.
    std::map<uint64_t, base::ListLink> by_age_;
    base::ListLink empty_;  // Logs without publications. The first one became empty first.
};

}  // namespace starling::hub
