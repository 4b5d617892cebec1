// socketio/codec/packet.h: a Socket.IO packet (protocol 5, which shares its text form with protocol 4), and
// the limits of those that peers send. Values and views; any thread.
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

// As on the wire. CONNECT_ERROR is the ERROR of protocol 4.
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

// Views and values live until the Arena that they were decoded with is used or cleared again, the
// views also no longer than the text that they were decoded from. Whoever keeps `data` copies it: a
// Json that is moved from it stays in the memory of the Arena.
struct Packet {
    // Never a binary one: those are reported as event and ack, with the bytes in place.
    Type type = Type::connect;
    std::string_view nsp = "/";
    std::string_view query;      // x=1 of `0/admin?x=1,`: the way protocol 4 sends its `auth`.
    std::optional<uint64_t> id;  // Of the ack that is asked for, or given.
    // EVENT: an array whose first item is the name (or a number); ACK: an array; CONNECT: an object,
    // or null where nothing was sent; CONNECT_ERROR: a string or an object; DISCONNECT: null.
    Json data;

    // Assigning to `data` would copy: a Json keeps to the memory that it was made with.
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
    size_t depth_max = 128;  // Arrays and objects inside each other, the packet's own counted.
    size_t event_name_bytes_max = 255;
    size_t nsp_bytes_max = 255;
    // Placeholders may name an attachment again; each gets a copy. This much more than was received.
    size_t repeated_bytes_max = 1'000'000;
    // Random and secret in a server: makes the hash tables of objects unpredictable.
    uint64_t table_seed = 0;
};

// The greatest integer of JavaScript, 2^53 - 1.
inline constexpr uint64_t ack_id_max = 9'007'199'254'740'991;

// Depth of what is encoded, as above.
inline constexpr size_t encoded_depth_max = 128;

}  // namespace starling::socketio
