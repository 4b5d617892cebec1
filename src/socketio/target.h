// socketio/target.h: whom a broadcast is for, and how it is sent. Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace starling::socketio {

struct Flags {
    bool volatile_packet = false;  // Dropped where it cannot leave at once.
    bool compress = true;
    bool local = false;       // This process alone.
    uint64_t timeout_ms = 0;  // Of the acks; 0: the default.
};

struct Target {
    std::vector<std::string> rooms = {};   // Everybody, where there is none.
    std::vector<std::string> except = {};  // Rooms, too.
    Flags flags = {};
};

inline constexpr size_t room_bytes_max = 255;

}  // namespace starling::socketio
