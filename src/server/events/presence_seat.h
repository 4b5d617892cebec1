// server/events/presence_seat.h: the place of one connection in the presence of a channel. The
// connection is a member until its seat is destroyed, and the seat knows which changes its client
// has heard of.
//
// Owner: V1Member, EventStream. Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "events/table.h"
#include "hub/presence.h"

namespace starling::server {

class Events;

class PresenceSeat {
public:
    static constexpr size_t listed_max = 1000;  // Members in the list of one client.

    // `rule`: of a channel with presence. Null: no place is left. Throws std::bad_alloc, and then
    // the connection is no member.
    [[nodiscard]] static std::unique_ptr<PresenceSeat> enter(Events& events,
                                                             std::string_view channel,
                                                             const events::Rule& rule,
                                                             hub::PresenceMember member);
    ~PresenceSeat();
    PresenceSeat(const PresenceSeat&) = delete;
    PresenceSeat& operator=(const PresenceSeat&) = delete;

    // True: list() has the members of all nodes. False: `later` will run when it has, on any
    // thread, and while the presence is locked.
    [[nodiscard]] bool is_known(std::function<void()> later);
    // The members now; the client hears of the changes that follow.
    [[nodiscard]] hub::PresenceList list();
    // True: the client is to be told of the change. Counts as told.
    [[nodiscard]] bool hears(const hub::PresenceChange& change) noexcept;
    [[nodiscard]] const std::string& client() const noexcept { return client_; }

private:
    PresenceSeat(Events& events, hub::Presence::Leaving leaving, std::string client);

    Events& events_;
    hub::Presence::Leaving leaving_;
    const std::string client_;
    bool is_member_ = false;
    std::optional<uint64_t> seen_;  // Serial of the newest change that the client knows.
};

}  // namespace starling::server
