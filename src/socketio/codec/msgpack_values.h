// socketio/codec/msgpack_values.h: single values in MessagePack: what packets and the messages
// between the nodes of a cluster consist of. Each number, text and count is written in its shortest
// form: https://github.com/msgpack/msgpack/blob/master/spec.md. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "socketio/codec/json_reader.h"
#include "socketio/codec/packet.h"

namespace starling::socketio {

// Who wrote the value. Clients write a Date as extension 0. Node.js servers write it to each other
// as extension -1, the timestamp of the specification.
enum class MsgpackFrom : uint8_t { client, node };

// Reads exactly one value, which lives until `arena` is used again. A Date becomes its text in JSON,
// "2024-02-29T12:00:00.000Z". nullopt: the bytes are not one whole value, or deeper than depth_max
// of the arena's limits.
[[nodiscard]] std::optional<Json> read_msgpack_value(std::span<const std::byte> bytes, Arena& arena,
                                                     MsgpackFrom from);

namespace msgpack {

void append_byte(std::string& out, uint64_t byte);
void append_unsigned(std::string& out, uint64_t number);
void append_signed(std::string& out, int64_t number);
void append_double(std::string& out, double number);
void append_text(std::string& out, std::string_view text);  // Repairs bytes that are not UTF-8.
void append_bytes(std::string& out, std::string_view bytes);
void append_array(std::string& out, size_t items);  // `items` values follow.
void append_map(std::string& out, size_t members);  // `members` keys, each with its value, follow.

// `depth`: the depth of `json`, if it is an array or an object; bytes count as neither. False: a
// value is deeper than encoded_depth_max, or holds bytes although `allow_bytes` is false; `out` is
// then of no use.
[[nodiscard]] bool append_value(std::string& out, const Json& json, size_t depth,
                                bool allow_bytes = true);

}  // namespace msgpack

}  // namespace starling::socketio
