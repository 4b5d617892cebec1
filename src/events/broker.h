// events/broker.h: the rooms of one worker, and the logins that end while their holders listen.
//
// Owner: server::EventsWorker. Members are owned by connections, which die first. Thread: the worker's.
// Pure: the time is an argument, in milliseconds of a clock that never goes back.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/keyed_hash.h"
#include "events/room.h"

namespace starling::events {

using Deadlines = std::multimap<uint64_t, Member*>;

// Whom a member has shown to be, where its channel asks for that.
struct Login {
    std::string user;
    std::optional<Deadlines::iterator> deadline;  // None: does not expire.
    uint64_t refreshed_ms = 0;
};

class Broker {
public:
    // A refresh checks a signature; so often at most is one looked at.
    static constexpr uint64_t refresh_interval_ms = 250;
    // Farther ends are looked at again by then: no sum overflows.
    static constexpr uint64_t login_ms_max = uint64_t(365) * 24 * 3600 * 1000;

    Broker() = default;
    Broker(const Broker&) = delete;
    Broker& operator=(const Broker&) = delete;

    // In two steps, since a connection is refused or accepted before it is there: the room is the
    // member's from enter() on, and pushes come from add_listener() on.
    void enter(Member& member, const Rule& rule, std::string_view channel);
    void add_listener(Member& member, hub::Subscriber& subscriber, uint64_t now_ms);
    void leave(Member& member) noexcept;

    Published publish(std::string_view channel, std::string_view text, uint64_t now_ms);

    // `lifetime_ms`: until the login ends; none: never. Replaces the one before.
    void log_in(Member& member, std::string_view user, std::optional<uint64_t> lifetime_ms,
                uint64_t now_ms);
    // May the member's login be refreshed now? Counts as an attempt.
    [[nodiscard]] bool may_refresh(Member& member, uint64_t now_ms) noexcept;

    // Pushes what is due, tells members whose login has ended.
    void run(uint64_t now_ms);
    [[nodiscard]] std::optional<uint64_t> next_ms() const noexcept;  // When run() has work.

    [[nodiscard]] size_t rooms() const noexcept { return rooms_.size(); }
    [[nodiscard]] size_t listeners(std::string_view channel) const;

private:
    using Rooms = std::unordered_map<std::string, std::unique_ptr<Room>, base::KeyedTextHash,
                                     std::equal_to<>>;

    void list(Room& room);
    void push_due(uint64_t now_ms);
    void end_logins(uint64_t now_ms);

    Rooms rooms_;
    std::vector<Room*> waiting_;         // Rooms in which somebody may wait,
    uint64_t next_due_ms_ = UINT64_MAX;  // and when the first of them is due, at the earliest.
    Deadlines deadlines_;
};

}  // namespace starling::events
