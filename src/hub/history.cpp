#include "hub/history.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/assert.h"

namespace starling::hub {
namespace {

// What the maps, lists and reference counts take beside the objects themselves, about.
constexpr uint64_t log_overhead_bytes = 160, entry_overhead_bytes = 64;

}  // namespace

// Linked in by_age_.
struct MemoryHistory::Entry : base::ListLink {
    Entry(Log& l, KeptPtr k, uint64_t e, uint64_t s)
        : log(&l), kept(std::move(k)), expires_ms(e), serial(s) {}
    [[nodiscard]] uint64_t bytes() const noexcept {
        return sizeof *this + sizeof *kept + entry_overhead_bytes + kept->channel.size() +
               kept->text.size();
    }
    static Entry& of(base::ListLink& link) noexcept { return static_cast<Entry&>(link); }

    Log* log;
    KeptPtr kept;
    uint64_t expires_ms;
    uint64_t serial;  // In order of append(), over all channels.
};

// The history of one channel; linked in empty_ while it has no entries.
struct MemoryHistory::Log : base::ListLink {
    Log(std::string_view n, std::string e) : name(n), epoch(std::move(e)) {}
    [[nodiscard]] uint64_t bytes() const noexcept {
        return sizeof *this + log_overhead_bytes + 2 * name.size();
    }
    static Log& of(base::ListLink& link) noexcept { return static_cast<Log&>(link); }

    const std::string name;
    const std::string epoch;
    uint64_t top = 0;           // Offset of the newest publication.
    std::deque<Entry> entries;  // Their offsets are consecutive and end with `top`.
};

MemoryHistory::MemoryHistory(std::string_view epoch, uint64_t bytes_max)
    : seed_(epoch), bytes_max_(bytes_max) {}

MemoryHistory::~MemoryHistory() = default;

std::string MemoryHistory::epoch() const {
    std::array<char, 16> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), generation_, 36).ptr;
    return seed_ + std::string(text.data(), end);
}

KeptPtr MemoryHistory::append(std::string_view channel, const HistoryRule& rule,
                              std::string_view text, uint64_t now_ms) {
    STARLING_ASSERT(rule);
    expire(now_ms);
    auto found = logs_.find(channel);
    if (found == logs_.end()) {
        found = logs_.emplace(std::string(channel), std::make_unique<Log>(channel, epoch())).first;
        ++stats_.channels;
        stats_.bytes += found->second->bytes();
    }
    Log& log = *found->second;
    log.unlink();
    auto kept = std::make_shared<Kept>();
    kept->channel = channel;
    kept->epoch = log.epoch;
    kept->offset = ++log.top;
    kept->text = text;
    Entry& entry = log.entries.emplace_back(log, kept, now_ms + rule.age_ms, ++appended_);
    entry.insert_before(by_age_[rule.age_ms]);
    ++stats_.messages;
    stats_.bytes += entry.bytes();
    while (log.entries.size() > rule.messages) drop_oldest_of(log);
    evict();
    return kept;
}

// Makes the page smaller until its texts fit: at the end if it is read from a position, otherwise at
// the beginning.
void MemoryHistory::fit(const std::deque<Entry>& entries, const HistoryQuery& query, size_t& begin,
                        size_t& end) {
    size_t bytes = 0;
    const size_t first = begin, last = end;
    for (size_t i = 0; i < last - first; ++i) {
        const size_t at = query.since ? first + i : last - 1 - i;
        bytes += entries[at].kept->text.size();
        if (i == 0 || bytes <= query.bytes_max) continue;
        (query.since ? end : begin) = query.since ? at : at + 1;
        return;
    }
}

HistoryPage MemoryHistory::read(const HistoryQuery& query, uint64_t now_ms) {
    expire(now_ms);
    const auto found = logs_.find(query.channel);
    // A channel that was never published to has no log, so that reading takes no memory.
    if (found == logs_.end()) return {.top = {epoch(), 0}, .first = 1};
    const Log& log = *found->second;
    const auto& entries = log.entries;
    HistoryPage page{.top = {log.epoch, log.top}, .first = log.top + 1 - entries.size()};
    size_t begin = entries.size() - std::min(query.limit, entries.size());
    if (query.since) {
        const bool known = query.since->epoch == log.epoch && query.since->offset >= page.first;
        begin = known ? std::min<size_t>(query.since->offset + 1 - page.first, entries.size()) : 0;
    }
    size_t end = begin + std::min(query.limit, entries.size() - begin);
    fit(entries, query, begin, end);
    page.more = end < entries.size();
    for (size_t i = begin; i < end; ++i) page.messages.push_back(entries[i].kept);
    return page;
}

void MemoryHistory::expire(uint64_t now_ms) {
    for (auto& [age_ms, list] : by_age_)
        while (list.linked() && Entry::of(*list.next()).expires_ms <= now_ms)
            drop_oldest_of(*Entry::of(*list.next()).log);
}

void MemoryHistory::drop_oldest_of(Log& log) {
    stats_.bytes -= log.entries.front().bytes();
    --stats_.messages;
    log.entries.pop_front();
    if (log.entries.empty()) log.insert_before(empty_);
}

void MemoryHistory::drop_log(Log& log) {
    stats_.bytes -= log.bytes();
    --stats_.channels;
    ++generation_;
    logs_.erase(logs_.find(log.name));
}

// Logs without publications go first: only their offsets are lost.
void MemoryHistory::evict() {
    while (stats_.bytes > bytes_max_) {
        if (empty_.linked()) {
            drop_log(Log::of(*empty_.next()));
            continue;
        }
        Entry* oldest = nullptr;
        for (auto& [age_ms, list] : by_age_) {
            if (!list.linked()) continue;
            Entry& first = Entry::of(*list.next());
            if (!oldest || first.serial < oldest->serial) oldest = &first;
        }
        if (!oldest) return;
        ++stats_.evicted;
        drop_oldest_of(*oldest->log);
    }
}

}  // namespace starling::hub
