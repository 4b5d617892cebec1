// socketio/codec/msgpack_reader.h: a Socket.IO packet from one MessagePack map, {type, data, nsp,
// id}, as socket.io-msgpack-parser writes it.
#pragma once

#include <cstddef>
#include <span>

#include "socketio/codec/decoder.h"
#include "socketio/codec/json_reader.h"

namespace starling::socketio {

// Pure. The packet lives until `arena` is used again. Unknown keys of the map are skipped.
[[nodiscard]] Outcome read_msgpack(std::span<const std::byte> bytes, Arena& arena);

}  // namespace starling::socketio
