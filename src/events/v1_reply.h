// events/v1_reply.h: the messages that a server sends in the WebSocket subprotocol starling.v1,
// docs/protocol-v1.md. All are JSON objects.
//
// Pure functions, any thread. `id`: Request::id; "": none.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "events/v1_request.h"
#include "hub/feeds.h"
#include "hub/presence.h"

namespace starling::events::v1 {

[[nodiscard]] std::string welcome(std::string_view client, std::string_view user);

inline constexpr size_t unlimited_bytes = std::numeric_limits<size_t>::max();

// `members_bytes_max`, here and below: of "members". The first member that does not fit and all that
// follow are left out; "users" counts them, and "more" says that the list is not whole.
struct Subscribed {
    std::string offset = {};  // "": the channel has no history.
    bool asked = false;       // The client named an offset,
    bool recovered = false;   // and everything after it is in `missed`.
    const std::vector<hub::KeptPtr>* missed = nullptr;
    const hub::PresenceList* presence = nullptr;  // Null: the client is no member.
    size_t members_bytes_max = unlimited_bytes;
};
[[nodiscard]] std::string subscribed(std::string_view id, std::string_view channel,
                                     const Subscribed& how);
// Of unsubscribe, publish and login. `offset`: of what was published; "": none.
[[nodiscard]] std::string ack(std::string_view id, std::string_view channel,
                              std::string_view offset = {});
[[nodiscard]] std::string error(std::string_view id, std::string_view channel,
                                const Problem& problem);
// `client`: the id of the connection that gets it, for one that was not welcomed; "": none.
[[nodiscard]] std::string presence(std::string_view id, std::string_view channel,
                                   const hub::PresenceList& list, std::string_view client = {},
                                   size_t members_bytes_max = unlimited_bytes);
// `recovered`: of a request with an offset.
[[nodiscard]] std::string history(std::string_view id, std::string_view channel,
                                  const hub::HistoryPage& page, bool recovered);

// Not answers.
[[nodiscard]] std::string message(std::string_view channel, std::string_view offset,
                                  std::string_view data);
[[nodiscard]] std::string presence_change(const hub::PresenceChange& change);
[[nodiscard]] std::string unsubscribed(std::string_view channel, const Problem& why);

// The answer of GET /api/presence.
[[nodiscard]] std::string presence_page(std::string_view channel, const hub::PresenceList& list,
                                        size_t members_bytes_max = unlimited_bytes);

}  // namespace starling::events::v1
