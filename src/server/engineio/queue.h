// server/engineio/queue.h: packets of a session that wait for a poll, or for the end of an upgrade.
// Owner: the session; exists only while there are such packets.
#pragma once

#include <cstddef>
#include <vector>

#include "base/shared_bytes.h"

namespace starling::server {

struct EngineQueue {
    struct Packet {
        base::SharedBytes bytes;  // Text includes its type; binary data does not.
        bool binary;
    };
    std::vector<Packet> packets;
    size_t bytes = 0;
};

}  // namespace starling::server
