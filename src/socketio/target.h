// socketio/target.h: whom a broadcast is for, and how it is sent. Values; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace starling::socketio {

struct Flags {
    bool volatile_packet = false;  // Dropped where it cannot leave at once.
    bool compress = true;
    bool local = false;   // This process alone.
    bool untold = false;  // Sent by a listener of outgoing packets: no such listener is told of it.
    uint64_t timeout_ms = 0;  // Of the acks; 0: the default.
};

struct Target {
    std::vector<std::string> rooms = {};   // Everybody, where there is none.
    std::vector<std::string> except = {};  // Rooms, too.
    Flags flags = {};
};

inline constexpr size_t room_bytes_max = 255;

// 0 stays the default; a timeout that is over before it begins ends with the next timers.
constexpr uint64_t timeout_ms(std::chrono::milliseconds timeout) noexcept {
    return timeout.count() < 0 ? 1 : uint64_t(timeout.count());
}

}  // namespace starling::socketio
