#include "hub/feeds.h"

#include <deque>
#include <utility>

#include "base/assert.h"

namespace starling::hub {

struct Feeds::Feed {
    Feed(std::string_view n, uint64_t s) : channel(n), serial(s) {}
    const std::string channel;
    const uint64_t serial;  // A late answer finds only the feed that asked.
    size_t followers = 0;
    std::optional<Position> at;  // Delivered up to here. None: no page has come yet.
    size_t waiting = 0;          // Followers whose page has not come.
    std::deque<KeptPtr> held;    // While `waiting`: the newest that came meanwhile, in that order.
    bool reading_missing = false;  // A page for the subscribers is on its way.
    bool is_behind = false;        // A page must be read that is newer than those on their way.
};

Feeds::Feeds(History& history, Sink& sink, size_t page_bytes_max) noexcept
    : history_(history), sink_(sink), page_bytes_max_(page_bytes_max) {}

Feeds::~Feeds() = default;

Feeds::Feed* Feeds::find(std::string_view channel, uint64_t serial) noexcept {
    const auto found = feeds_.find(channel);
    if (found == feeds_.end() || found->second->serial != serial) return nullptr;
    return found->second.get();
}

void Feeds::follow(std::string_view channel, std::optional<Position> since, uint64_t now_ms,
                   std::function<void(Beginning)> begun) {
    auto found = feeds_.find(channel);
    if (found == feeds_.end()) {
        found =
            feeds_.emplace(std::string(channel), std::make_unique<Feed>(channel, ++serial_)).first;
        try {
            sink_.opened(channel);
        } catch (...) {
            feeds_.erase(found);
            throw;
        }
    }
    Feed& feed = *found->second;
    ++feed.followers;
    ++feed.waiting;
    ask(feed, {std::move(since), now_ms, std::move(begun)});
}

// One page serves the new follower and moves the feed: it begins at the earlier of two positions.
void Feeds::ask(Feed& feed, Follower follower) {
    std::optional<Position> from = follower.since;
    if (feed.at && (!from || from->epoch != feed.at->epoch || from->offset > feed.at->offset))
        from = feed.at;
    const HistoryQuery query{.channel = feed.channel,
                             .since = from,
                             .limit = from ? SIZE_MAX : size_t{0},
                             .bytes_max = page_bytes_max_};
    const uint64_t now_ms = follower.now_ms;
    history_.read(query, now_ms,
                  [this, alive = std::weak_ptr(alive_), name = feed.channel, serial = feed.serial,
                   from, follower = std::move(follower)](const HistoryPage& page) {
                      if (alive.expired()) return;
                      if (Feed* const asked = find(name, serial))
                          answered(*asked, from, follower, page);
                  });
}

void Feeds::answered(Feed& feed, const std::optional<Position>& from, const Follower& follower,
                     const HistoryPage& page) {
    if (page.failed) return fail(feed, follower);
    const bool first = !feed.at;
    if (first) {
        feed.at = page.top;
    } else if (!advance(feed, from, page)) {
        // Asked before the feed had a position, and read from a later one. Now it has one.
        return ask(feed, follower);
    }
    Beginning beginning = begin(feed, follower.since, page);
    if (follower.since && page.covers(*follower.since) && !beginning.recovered && !page.more &&
        follower.tries < tries_max) {
        // The page is older than the feed's position, and not all of the rest was held.
        Follower again = follower;
        ++again.tries;
        return ask(feed, std::move(again));
    }
    --feed.waiting;
    std::deque<KeptPtr> pending;
    if (first) pending.swap(feed.held);
    if (feed.waiting == 0) feed.held.clear();
    const uint64_t serial = feed.serial;
    const std::string channel = feed.channel;
    follower.begun(std::move(beginning));  // May end the feed, if the follower is gone.
    for (const auto& kept : pending)
        if (Feed* const still = find(channel, serial)) apply(*still, kept, follower.now_ms);
    Feed* const still = find(channel, serial);
    if (still && ((!first && page.more) || still->is_behind)) read_missing(*still, follower.now_ms);
}

void Feeds::fail(Feed& feed, const Follower& follower) {
    --feed.waiting;
    if (feed.waiting == 0) feed.held.clear();
    follower.begun({.position = {}, .failed = true});
}

Beginning Feeds::begin(const Feed& feed, const std::optional<Position>& since,
                       const HistoryPage& page) {
    Beginning beginning{.position = *feed.at};
    if (!since || !page.covers(*since) || page.top.epoch != feed.at->epoch) return beginning;
    uint64_t last = since->offset;
    const auto add = [&](const KeptPtr& kept) {
        if (kept->epoch != since->epoch || kept->offset != last + 1) return;
        if (kept->offset > feed.at->offset) return;
        beginning.missed.push_back(kept);
        last = kept->offset;
    };
    for (const auto& kept : page.messages) add(kept);
    for (const auto& kept : feed.held) add(kept);
    // If not, there is a hole between the page and the feed's position.
    beginning.recovered = last == feed.at->offset;
    if (!beginning.recovered) beginning.missed.clear();
    return beginning;
}

void Feeds::leave(std::string_view channel) {
    const auto found = feeds_.find(channel);
    STARLING_ASSERT(found != feeds_.end());
    if (--found->second->followers > 0) return;
    feeds_.erase(found);
    sink_.closed(channel);
}

void Feeds::published(const KeptPtr& kept, uint64_t now_ms) {
    const auto found = feeds_.find(kept->channel);
    if (found != feeds_.end()) apply(*found->second, kept, now_ms);
}

void Feeds::catch_up(std::string_view channel, uint64_t now_ms) {
    const auto found = feeds_.find(channel);
    if (found != feeds_.end()) read_missing(*found->second, now_ms);
}

void Feeds::catch_up(uint64_t now_ms, uint64_t part, uint64_t parts) {
    std::vector<std::pair<std::string, uint64_t>> all;  // Reading may end feeds.
    size_t retries = 0;
    for (const auto& [name, feed] : feeds_) {
        const bool failed = feed->at && feed->is_behind && !feed->reading_missing;
        const bool is_retry = failed && retries < retries_max;
        retries += is_retry ? 1 : 0;
        if (is_retry || feed->serial % parts == part) all.emplace_back(name, feed->serial);
    }
    for (const auto& [name, serial] : all)
        if (Feed* const feed = find(name, serial)) read_missing(*feed, now_ms);
}

void Feeds::hold(Feed& feed, const KeptPtr& kept) {
    if (feed.waiting == 0) return;
    if (feed.held.size() == held_max) feed.held.pop_front();
    feed.held.push_back(kept);
}

void Feeds::apply(Feed& feed, const KeptPtr& kept, uint64_t now_ms) {
    if (!feed.at) return hold(feed, kept);
    const bool same = kept->epoch == feed.at->epoch;
    if (same && kept->offset <= feed.at->offset) return;
    if (!same || kept->offset != feed.at->offset + 1) return read_missing(feed, now_ms);
    feed.at->offset = kept->offset;
    hold(feed, kept);
    sink_.deliver(kept);
}

// Delivers what the page has beyond the feed's position. False: the page, which was read from
// `from`, begins later than that.
bool Feeds::advance(Feed& feed, const std::optional<Position>& from, const HistoryPage& page) {
    Position& at = *feed.at;
    const bool same = page.top.epoch == at.epoch;
    const uint64_t end = page.more ? page.messages.back()->offset : page.top.offset;
    if (same && end <= at.offset) return true;
    const uint64_t delivered = same ? at.offset : page.begun;
    // A position of another epoch gets a page with all that is kept.
    uint64_t begins = page.top.offset;
    if (from) begins = from->epoch == page.top.epoch ? from->offset : 0;
    if (begins > delivered) return false;
    const bool whole = page.covers(at);
    at = {page.top.epoch, end};
    for (const auto& kept : page.messages) {
        if (kept->offset <= delivered) continue;
        hold(feed, kept);
        sink_.deliver(kept);
    }
    if (!whole) sink_.lost(feed.channel);
    return true;
}

void Feeds::read_missing(Feed& feed, uint64_t now_ms) {
    // The first page may have been made before what is missing came.
    feed.is_behind = feed.reading_missing || !feed.at;
    if (feed.is_behind) return;
    feed.reading_missing = true;
    const HistoryQuery query{
        .channel = feed.channel, .since = feed.at, .bytes_max = page_bytes_max_};
    history_.read(query, now_ms,
                  [this, alive = std::weak_ptr(alive_), name = feed.channel, serial = feed.serial,
                   from = feed.at, now_ms](const HistoryPage& page) {
                      Feed* const asked = alive.expired() ? nullptr : find(name, serial);
                      if (!asked) return;
                      asked->reading_missing = false;
                      asked->is_behind = asked->is_behind || page.failed;
                      if (page.failed) return;  // The next catch_up() reads.
                      // `from` is not later than the feed's position, which only moves on.
                      static_cast<void>(advance(*asked, from, page));
                      if (asked->is_behind || page.more) read_missing(*asked, now_ms);
                  });
}

}  // namespace starling::hub
