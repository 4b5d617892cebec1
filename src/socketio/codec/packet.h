// socketio/codec/packet.h: a Socket.IO packet (protocol 5; protocol 4 has the same text form), and
// the limits of decoded packets. Values and views; any thread.
#pragma once

#include <starling/socketio_value.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace starling::socketio {

using sio::Binary;
using sio::Json;

// The numbers of the wire format. CONNECT_ERROR is the ERROR of protocol 4.
enum class Type : uint8_t {
    connect,
    disconnect,
    event,
    ack,
    connect_error,
    binary_event,
    binary_ack,
};

// How a connection's packets are written: `socket.io-parser`, or `socket.io-msgpack-parser`.
enum class Codec : uint8_t { json, msgpack };

// The views and values are valid until the Arena that decoded them is used or cleared again; the
// views also end with the decoded text. To keep `data`, copy it: a Json that is moved from `data`
// stays in the memory of the Arena.
struct Packet {
    // Never a binary type: binary events and acks are reported as event and ack, with the bytes in
    // place.
    Type type = Type::connect;
    std::string_view nsp = "/";
    std::string_view query;      // "x=1" for `0/admin?x=1,`: protocol 4 sends `auth` in this form.
    std::optional<uint64_t> id;  // The ack's id, in an ack and in an event that asks for one.
    // EVENT: an array whose first item is the name (or a number); ACK: an array; CONNECT: an
    // object, or null if none was sent; CONNECT_ERROR: a string or an object; DISCONNECT: null.
    Json data;
    // `data` as the client sent it, JSON; "" if the packet came with attachments or in MessagePack.
    std::string_view text = {};

    // Moves `json` to `data`. An assignment would copy, because a Json keeps its memory resource.
    void take_data(Json&& json) noexcept {
        std::destroy_at(&data);
        std::construct_at(&data, std::move(json));
    }
};

struct DecodeLimits {
    size_t attachments_max = 10;
    // The text of a packet and all its attachments together. At most one packet of a connection is
    // unfinished, so this also limits what a connection holds of unfinished packets.
    size_t packet_bytes_max = 1'000'000;
    size_t depth_max = 128;  // Depth of nested arrays and objects, including the packet's own.
    size_t event_name_bytes_max = 255;
    size_t nsp_bytes_max = 255;
    // Several placeholders may name one attachment; each gets a copy. This limits the total size of
    // the copies after the first of each attachment.
    size_t repeated_bytes_max = 1'000'000;
    // Random and secret in a server: makes the hash tables of objects unpredictable.
    uint64_t table_seed = 0;
};

// The greatest integer of JavaScript, 2^53 - 1.
inline constexpr uint64_t ack_id_max = 9'007'199'254'740'991;

// Depth of nested arrays and objects of an encoded packet; see DecodeLimits::depth_max.
inline constexpr size_t encoded_depth_max = 128;

}  // namespace starling::socketio
