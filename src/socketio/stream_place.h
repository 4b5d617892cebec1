// socketio/stream_place.h: a place in the streams of a cluster. Values; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace starling::socketio {

// The id of an entry in a stream of Redis, which is also the offset that a client remembers.
struct StreamId {
    uint64_t ms = 0;
    uint64_t sequence = 0;
    friend auto operator<=>(const StreamId&, const StreamId&) = default;
};

[[nodiscard]] inline std::string to_text(const StreamId& id) {
    return std::to_string(id.ms) + "-" + std::to_string(id.sequence);
}

struct StreamPlace {
    uint32_t stream = 0;  // Its number among the streams of the cluster.
    StreamId id = {};
    friend bool operator==(const StreamPlace&, const StreamPlace&) = default;
};

}  // namespace starling::socketio
