// server/ws_extras.h: what most WebSockets never need, apart from the WsConnection so that an idle one
// stays small.
//
// Owner: the WsConnection; null until something is to be kept. Thread: the worker's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "server/ws_connection.h"
#include "ws/deflate.h"

namespace starling::server {

struct WsConnection::Extras {
    std::string subprotocol;   // Where the application chose one that the route does not list.
    std::string close_reason;  // Of the side that closed first.
    uint64_t dropped = 0;      // Messages, to be told to the route's `dropped`.
    std::optional<std::string> pong;  // The newest ping's payload, while the kernel takes nothing.
    std::optional<ws::DeflateParams> deflate;
    std::unique_ptr<ws::Inflater> inflater;  // With context takeover; else the worker's.
    std::unique_ptr<ws::Deflater> deflater;
    std::unique_ptr<detail::Scope> coroutines;  // That handlers have left suspended.
};

}  // namespace starling::server
