// <starling/heartbeat.h>: how often a server pings, and for how long it waits for the answer,
// unless its options say otherwise.
#pragma once

#include <chrono>

namespace starling::ws {

inline constexpr std::chrono::milliseconds default_ping_interval{25'000};
inline constexpr std::chrono::milliseconds default_ping_timeout{20'000};

}  // namespace starling::ws

namespace starling::sio {

// The heartbeat of Engine.IO, which carries Socket.IO. The values are those of Node's server.
inline constexpr std::chrono::milliseconds default_ping_interval{25'000};
inline constexpr std::chrono::milliseconds default_ping_timeout{20'000};

}  // namespace starling::sio
