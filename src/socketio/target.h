// socketio/target.h: the receivers of a broadcast, and its sending flags. Values; any thread.
#pragma once

#include <starling/socketio_flags.h>

#include <cstddef>
#include <string>
#include <vector>

namespace starling::socketio {

using sio::detail::Flags;

struct Target {
    std::vector<std::string> rooms = {};   // Empty: all sockets.
    std::vector<std::string> except = {};  // Excluded rooms.
    Flags flags = {};
};

inline constexpr size_t room_bytes_max = 255;

}  // namespace starling::socketio
