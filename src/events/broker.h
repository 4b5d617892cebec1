// events/broker.h: the rooms of one worker, and the logins that end while their holders listen.
//
// Owner: server::EventsWorker. Members are owned by connections, which die first. Thread: the
// worker's. Pure: the time is an argument, in milliseconds of a clock that never goes back.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/keyed_hash.h"
#include "events/room.h"
#include "hub/feeds.h"

namespace starling::events {

using Deadlines = std::multimap<uint64_t, Member*>;

// The login of a member whose channel requires a login.
struct Login {
    std::string user;
    std::optional<Deadlines::iterator> deadline;  // None: does not expire.
    uint64_t refreshed_ms = 0;
    bool ended = false;  // Before the member listened.
};

// Is told which channels have a room. Thread: the broker's.
class RoomWatcher {
public:
    virtual void room_opened(const Room& room) noexcept = 0;
    virtual void room_closed(const Room& room) noexcept = 0;

protected:
    ~RoomWatcher() = default;
};

class Broker {
public:
    // The shortest time between two refreshes of one member, since each refresh checks a signature.
    static constexpr uint64_t refresh_interval_ms = 250;
    // A login with a longer lifetime is checked again after this time, so that no sum overflows.
    static constexpr uint64_t login_ms_max = uint64_t{365} * 24 * 3600 * 1000;

    // `feeds`: of channels with a history. Null: no channel has one.
    explicit Broker(hub::Feeds* feeds = nullptr, RoomWatcher* watcher = nullptr) noexcept
        : feeds_(feeds), watcher_(watcher) {}
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    // Joining takes two steps, because a request is accepted before its connection exists: enter()
    // gives the member its room, add_listener() starts the pushes.
    void enter(Member& member, const Rule& rule, std::string_view channel);
    // A member whose login has ended meanwhile is told so at once.
    void add_listener(Member& member, hub::Subscriber& subscriber, uint64_t now_ms);
    // As add_listener(), for a channel with a history. `begun` runs when the history has answered,
    // and not if the member has left before. True: the member is added. False: `begun` has removed
    // the member, or will.
    void follow(Member& member, hub::Subscriber& subscriber, std::optional<hub::Position> since,
                uint64_t now_ms, std::function<bool(hub::Beginning)> begun);
    void leave(Member& member) noexcept;

    Published publish(std::string_view channel, std::string_view text, uint64_t now_ms,
                      std::string_view offset = {});
    void lost(std::string_view channel);
    void presence_changed(const hub::PresenceChange& change);

    // `lifetime_ms`: time until the login ends; none: never. Replaces the member's earlier login.
    void log_in(Member& member, std::string_view user, std::optional<uint64_t> lifetime_ms,
                uint64_t now_ms);
    // May the member's login be refreshed now? Counts as an attempt.
    [[nodiscard]] bool may_refresh(Member& member, uint64_t now_ms) noexcept;

    // Pushes the events that are due, and notifies members whose login has ended.
    void run(uint64_t now_ms);
    [[nodiscard]] std::optional<uint64_t> next_ms() const noexcept;  // When run() has work.

    [[nodiscard]] size_t rooms() const noexcept { return rooms_.size(); }
    [[nodiscard]] size_t listeners(std::string_view channel) const;
    // Calls call(channel, listeners) for each room. The call changes no room.
    template <class F>
    void each_room(F&& call) const {
        for (const auto& [name, room] : rooms_) call(std::string_view(name), room->size());
    }

private:
    using Rooms = std::unordered_map<std::string, std::unique_ptr<Room>, base::KeyedTextHash,
                                     std::equal_to<>>;

    void list(Room& room);
    void push_due(uint64_t now_ms);
    void end_logins(uint64_t now_ms);

    hub::Feeds* const feeds_;
    RoomWatcher* const watcher_;  // Null: nobody.
    Rooms rooms_;
    std::vector<Room*> waiting_;         // Rooms that may have waiting listeners,
    uint64_t next_due_ms_ = UINT64_MAX;  // and the earliest time at which one is due.
    Deadlines deadlines_;
};

}  // namespace starling::events
