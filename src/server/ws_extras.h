// server/ws_extras.h: members that most WebSockets never need, kept apart so that an idle
// WsConnection stays small.
//
// Owner: the WsConnection; null until a member is needed. Thread: the worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "server/ws_connection.h"
#include "server/ws_follow.h"
#include "ws/deflate.h"

namespace starling::server {

struct WsConnection::Extras {
    std::string subprotocol;          // Chosen by the application, not listed by the route.
    std::string close_reason;         // The reason of the side that closed first.
    uint64_t dropped = 0;             // Messages not yet reported to the route's `dropped`.
    std::optional<std::string> pong;  // Payload of the newest ping, while the kernel takes nothing.
    std::optional<ws::DeflateParams> deflate;
    // For context takeover; otherwise the worker's inflater is used.
    std::unique_ptr<ws::Inflater> inflater;
    std::unique_ptr<ws::Deflater> deflater;
    // The suspended coroutines of the connection's handlers.
    std::unique_ptr<detail::Scope> coroutines;
    std::unique_ptr<WsFollowing> following;  // Null: nobody follows the connection.
};

}  // namespace starling::server
