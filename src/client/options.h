// client/options.h: the options of a WebSocket and the arguments of close(), checked as browsers check
// them, and in the form that ws/ takes. Pure functions, any thread.
#pragma once

#include <starling/client.h>

#include <cstdint>
#include <string_view>

#include "ws/client_opening.h"
#include "ws/heartbeat.h"
#include "ws/receiver.h"

namespace starling::client {

// SyntaxError: a subprotocol that is no token or occurs twice, a header field that cannot be sent.
// std::invalid_argument: a number out of its range.
[[nodiscard]] ws::OpeningOptions opening_options(const WebSocketOptions& options);

// The options of an open connection.
struct Settings {
    ws::ReceiverLimits limits;
    ws::HeartbeatOptions heartbeat;
    uint64_t send_queue_bytes_max;
    uint64_t compress_from_bytes;
    uint32_t close_timeout_ms;
    int compression_level;

    friend bool operator==(const Settings&, const Settings&) = default;
};
// Throws std::invalid_argument.
[[nodiscard]] Settings settings(const WebSocketOptions& options);

// Throws InvalidAccessError or SyntaxError.
void check_close(bool has_code, uint16_t code, std::string_view reason);

}  // namespace starling::client
