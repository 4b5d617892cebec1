// engineio/client_open.h: reads the open packet, with which a server starts an Engine.IO session
// (engine.io-protocol, "Handshake"). Only the client role uses this file. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::engineio {

struct ClientOpen {
    std::string sid;
    bool upgrade_to_websocket = false;  // The server lists "websocket" in `upgrades`.
    uint64_t ping_interval_ms = 0;
    uint64_t ping_timeout_ms = 0;
    uint64_t max_payload_bytes = 0;  // The longest body of a POST; 0: the server names no limit.
};

inline constexpr size_t open_bytes_max = 16'384;
inline constexpr size_t open_sid_bytes_max = 1024;
inline constexpr uint64_t open_time_ms_max = 2'147'483'647;  // The longest timer of JavaScript.

// `data`: the packet without its type. nullopt: `data` is no JSON object; `sid` is no text of 1 to
// open_sid_bytes_max bytes of printable ASCII; `upgrades` is no list; `pingInterval` is no number
// from 1, `pingTimeout` no number from 0, up to open_time_ms_max; `maxPayload`, which may be
// absent, is no number from 0; or `data` is longer than open_bytes_max. Fractions are cut off.
// Unknown members and unknown upgrades are ignored.
[[nodiscard]] std::optional<ClientOpen> read_open(std::string_view data);

}  // namespace starling::engineio
