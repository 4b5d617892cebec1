// socketio/codec/msgpack_values.h: single values in MessagePack: what packets and the messages
// between the nodes of a cluster consist of. Each number, text and count is written in its shortest
// form: https://github.com/msgpack/msgpack/blob/master/spec.md. Pure functions; any thread.
#pragma once

#include <array>
#include <bit>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/utf8.h"
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

// Inline: the writers of packets call them for each value.
inline void append_byte(std::string& out, uint64_t byte) { out += static_cast<char>(byte); }

template <size_t size>
inline void append_number(std::string& out, uint8_t prefix, uint64_t number) {
    std::array<char, size + 1> bytes;
    bytes[0] = static_cast<char>(prefix);
    for (size_t i = 0; i < size; ++i) bytes[size - i] = static_cast<char>(number >> (8 * i) & 0xff);
    out.append(bytes.data(), bytes.size());
}

// `fixed`: the prefix for up to 15 items. `wide`: the prefix for up to 65,535 items; `wide` + 1 is
// for more.
inline void append_count(std::string& out, uint8_t fixed, uint8_t wide, size_t count) {
    if (count < 16)
        append_byte(out, fixed | count);
    else if (count <= 0xffff)
        append_number<2>(out, wide, count);
    else
        append_number<4>(out, static_cast<uint8_t>(wide + 1), count);
}

inline void append_unsigned(std::string& out, uint64_t number) {
    if (number < 0x80) return append_byte(out, number);
    if (number <= 0xff) return append_number<1>(out, 0xcc, number);
    if (number <= 0xffff) return append_number<2>(out, 0xcd, number);
    if (number <= 0xffff'ffff) return append_number<4>(out, 0xce, number);
    append_number<8>(out, 0xcf, number);
}

inline void append_signed(std::string& out, int64_t number) {
    const auto bits = static_cast<uint64_t>(number);
    if (number >= 0) return append_unsigned(out, bits);
    if (number >= -0x20) return append_byte(out, bits & 0xff);
    if (number >= INT8_MIN) return append_number<1>(out, 0xd0, bits);
    if (number >= INT16_MIN) return append_number<2>(out, 0xd1, bits);
    if (number >= INT32_MIN) return append_number<4>(out, 0xd2, bits);
    append_number<8>(out, 0xd3, bits);
}

inline void append_double(std::string& out, double number) {
    append_number<8>(out, 0xcb, std::bit_cast<uint64_t>(number));
}

// Repairs bytes that are not UTF-8.
inline void append_text(std::string& out, std::string_view text) {
    if (!base::utf8_is_valid(text)) return append_text(out, base::utf8_repaired(text));
    if (text.size() < 0x20)
        append_byte(out, 0xa0 | text.size());
    else if (text.size() <= 0xff)
        append_number<1>(out, 0xd9, text.size());
    else if (text.size() <= 0xffff)
        append_number<2>(out, 0xda, text.size());
    else
        append_number<4>(out, 0xdb, text.size());
    out.append(text);
}

inline void append_bytes(std::string& out, std::string_view bytes) {
    if (bytes.size() <= 0xff)
        append_number<1>(out, 0xc4, bytes.size());
    else if (bytes.size() <= 0xffff)
        append_number<2>(out, 0xc5, bytes.size());
    else
        append_number<4>(out, 0xc6, bytes.size());
    out.append(bytes);
}

// `items` values follow.
inline void append_array(std::string& out, size_t items) { append_count(out, 0x90, 0xdc, items); }
// `members` keys, each with its value, follow.
inline void append_map(std::string& out, size_t members) { append_count(out, 0x80, 0xde, members); }

// `depth`: the depth of `json`, if it is an array or an object; bytes count as neither. Sets `failed`
// if a value is deeper than encoded_depth_max, or holds bytes although `allow_bytes` is false; `out`
// is then of no use.
inline void append_value(std::string& out, const Json& json, size_t depth, bool allow_bytes,
                         bool& failed) {
    switch (json.kind()) {
        case boost::json::kind::null: return append_byte(out, 0xc0);
        case boost::json::kind::bool_: return append_byte(out, json.get_bool() ? 0xc3 : 0xc2);
        case boost::json::kind::int64: return append_signed(out, json.get_int64());
        case boost::json::kind::uint64: return append_unsigned(out, json.get_uint64());
        case boost::json::kind::double_: return append_double(out, json.get_double());
        case boost::json::kind::string:
            return append_text(out, {json.get_string().data(), json.get_string().size()});
        default: break;
    }
    if (const auto bytes = Binary::view(json)) {
        if (!allow_bytes) failed = true;
        return append_bytes(out, *bytes);
    }
    if (depth > encoded_depth_max) {
        failed = true;
    } else if (const auto* array = json.if_array()) {
        append_array(out, array->size());
        for (const Json& value : *array) append_value(out, value, depth + 1, allow_bytes, failed);
    } else {
        const auto& object = json.get_object();
        append_map(out, object.size());
        for (const auto& member : object) {
            append_text(out, {member.key().data(), member.key().size()});
            append_value(out, member.value(), depth + 1, allow_bytes, failed);
        }
    }
}

// The same for a whole value. False: it failed.
[[nodiscard]] inline bool append_value(std::string& out, const Json& json, size_t depth) {
    bool failed = false;
    append_value(out, json, depth, true, failed);
    return !failed;
}

}  // namespace msgpack

}  // namespace starling::socketio
