// server/engineio/queue.h: packets of an Engine.IO session that wait for a poll, or for the end of an
// upgrade. Owner: the session, only while there are any.
#pragma once

#include <cstddef>
#include <vector>

#include "base/shared_bytes.h"

namespace starling::server {

struct EngineQueue {
    struct Packet {
        base::SharedBytes bytes;  // Text with its type in front; binary data bare.
        bool binary;
    };
    std::vector<Packet> packets;
    size_t bytes = 0;
};

}  // namespace starling::server
