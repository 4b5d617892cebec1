// client/options.h: the options of a WebSocket and the arguments of close(), checked as browsers check
// them, and in the form that ws/ takes. Pure functions, any thread.
#pragma once

#include <starling/client.h>

#include <cstdint>
#include <string_view>

#include "ws/client_opening.h"
#include "ws/heartbeat.h"

namespace starling::client {

// SyntaxError: a subprotocol that is no token or occurs twice, a header field that cannot be sent.
// std::invalid_argument: a number out of its range.
[[nodiscard]] ws::OpeningOptions opening_options(const WebSocketOptions& options);
[[nodiscard]] ws::HeartbeatOptions heartbeat_options(const WebSocketOptions& options);

// Throws InvalidAccessError or SyntaxError.
void check_close(bool has_code, uint16_t code, std::string_view reason);

}  // namespace starling::client
