// socketio/target.h: the receivers of a broadcast, and its sending flags. Values; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace starling::socketio {

struct Flags {
    bool volatile_packet = false;  // Dropped if not writable at once.
    bool compress = true;
    bool untold = false;      // From an outgoing listener: calls no outgoing listener.
    uint64_t timeout_ms = 0;  // For the acks; 0: the default.
};

struct Target {
    std::vector<std::string> rooms = {};   // Empty: all sockets.
    std::vector<std::string> except = {};  // Excluded rooms.
    Flags flags = {};
};

inline constexpr size_t room_bytes_max = 255;

// 0 means the default. A negative timeout expires with the next run of the timers.
constexpr uint64_t timeout_ms(std::chrono::milliseconds timeout) noexcept {
    return timeout.count() < 0 ? 1 : uint64_t(timeout.count());
}

}  // namespace starling::socketio
