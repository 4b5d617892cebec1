// hub/feeds.h: delivers the publications of channels with a history to one worker, each of them once
// and in the order of their offsets, and lets a subscriber begin at an earlier position.
//
// A publication is appended to the History first, and posted to each worker then. Posts of several
// threads may arrive in another order, and a post may be dropped. So a feed counts: it delivers the
// publication that follows its position, ignores earlier ones, and reads the History if one is
// missing. Subscribers of a feed have therefore received everything up to the feed's position.
// A subscriber that begins gets from one page of the History what it missed, and the feed moves to
// the end of that page in the same call; so what is live follows without a gap, and nothing comes
// twice.
//
// The History may answer later. Until then, a feed keeps what it delivers, for the subscribers that
// wait for their page. It may be away: then a subscription fails, and a feed that misses something
// reads it with the next catch_up(). It may give less than was asked for: then the feed asks again
// from the end of the page, and a subscriber that missed more begins without that.
//
// Owner: server::EventsWorker. Thread: the worker's. Pure: the time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/keyed_hash.h"
#include "hub/history.h"

namespace starling::hub {

// How a subscription begins. What follows `position` is delivered to the channel's subscribers.
struct Beginning {
    Position position;
    // The History still had everything after the position that the subscriber named, and `missed`
    // is that, oldest first.
    bool recovered = false;
    std::vector<KeptPtr> missed = {};
    bool failed = false;  // The History is away: the subscription does not begin.
};

class Feeds {
public:
    class Sink {
    public:
        // Neither call may follow or leave a channel.
        // To all subscribers of the channel on this worker.
        virtual void deliver(const KeptPtr& kept) = 0;
        // Publications were lost: dropped by the History before this worker could read them. The
        // subscribers have already got what was published after these.
        virtual void lost(std::string_view channel) = 0;
        // The first subscriber of a channel comes, before the History is asked; the last one went.
        virtual void opened(std::string_view channel) { static_cast<void>(channel); }
        virtual void closed(std::string_view channel) { static_cast<void>(channel); }

    protected:
        ~Sink() = default;
    };

    static constexpr size_t held_max =
        1024;                            // Publications that a feed keeps for waiting followers.
    static constexpr int tries_max = 3;  // Pages that a follower asks for again.
    static constexpr size_t retries_max = 256;

    // `page_bytes_max`: texts of one page, at most.
    Feeds(History& history, Sink& sink, size_t page_bytes_max = SIZE_MAX) noexcept;
    ~Feeds();
    Feeds(const Feeds&) = delete;
    Feeds& operator=(const Feeds&) = delete;

    // Begins a subscription. `begun` runs when the History has answered; it adds the subscriber to
    // the channel. Each follow() is followed by one leave(), also if the subscriber is gone before
    // `begun` runs; then `begun` adds nobody. Throws std::bad_alloc; if the channel is not followed
    // then, there was no follow().
    void follow(std::string_view channel, std::optional<Position> since, uint64_t now_ms,
                std::function<void(Beginning)> begun);
    void leave(std::string_view channel);
    [[nodiscard]] bool is_followed(std::string_view channel) const {
        return feeds_.contains(channel);
    }
    // A publication was appended, by this worker or by another one.
    void published(const KeptPtr& kept, uint64_t now_ms);
    // A post was dropped: reads what the feeds have missed.
    void catch_up(uint64_t now_ms) { catch_up(now_ms, 0, 1); }
    // The same for one of `parts` parts of the feeds, and for one channel. The former also reads
    // what an earlier call could not read, of retries_max feeds at most.
    void catch_up(uint64_t now_ms, uint64_t part, uint64_t parts);
    void catch_up(std::string_view channel, uint64_t now_ms);

    [[nodiscard]] size_t feeds() const noexcept { return feeds_.size(); }

private:
    struct Feed;

    struct Follower {
        std::optional<Position> since;
        uint64_t now_ms;
        std::function<void(Beginning)> begun;
        int tries = 0;
    };

    [[nodiscard]] Feed* find(std::string_view channel, uint64_t serial) noexcept;
    void ask(Feed& feed, Follower follower);
    void answered(Feed& feed, const std::optional<Position>& from, const Follower& follower,
                  const HistoryPage& page);
    void fail(Feed& feed, const Follower& follower);
    [[nodiscard]] static Beginning begin(const Feed& feed, const std::optional<Position>& since,
                                         const HistoryPage& page);
    void apply(Feed& feed, const KeptPtr& kept, uint64_t now_ms);
    [[nodiscard]] bool advance(Feed& feed, const std::optional<Position>& from,
                               const HistoryPage& page);
    void read_missing(Feed& feed, uint64_t now_ms);
    static void hold(Feed& feed, const KeptPtr& kept);

    History& history_;
    Sink& sink_;
    const size_t page_bytes_max_;
    uint64_t serial_ = 0;
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // For late answers.
    std::unordered_map<std::string, std::unique_ptr<Feed>, base::KeyedTextHash, std::equal_to<>>
        feeds_;
};

}  // namespace starling::hub
