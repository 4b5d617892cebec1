// engineio/packet.h: one packet of Engine.IO, protocol revisions 3 and 4, as a WebSocket frame and
// in its base64 form (engine.io-protocol, "Packet encoding"). Pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::engineio {

enum class Revision : uint8_t { eio3 = 3, eio4 = 4 };

enum class Type : uint8_t { open, close, ping, pong, message, upgrade, noop };

// Everything a peer can do wrong in its bytes. Each ends the session as `parse error`.
enum class Fault : uint8_t {
    none,
    empty_packet,  // Not even a type.
    unknown_type,  // Or binary data of a type other than message.
    invalid_base64,
    invalid_utf8,
    invalid_length,  // EIO3: no number, or one that ends inside a character.
    cut_short,       // EIO3: less than the length says.
    too_many_packets,
    binary_payload,  // EIO4 knows none.
};

[[nodiscard]] std::string_view fault_text(Fault fault) noexcept;  // Lives for ever.

struct Packet {
    Type type = Type::noop;
    bool binary = false;    // Only messages are.
    std::string_view data;  // Behind the type; borrowed. UTF-8 where it is text.

    friend bool operator==(const Packet&, const Packet&) = default;
};

struct Decoded {
    Fault fault = Fault::none;
    Packet packet;  // Only without a fault.
};

// A text frame (valid UTF-8, which the WebSocket layer has checked), or one packet of a text
// payload: a digit and the data, or base64. `packet.data` borrows from `text`, or, where base64 was
// decoded, from `scratch`, which is overwritten.
[[nodiscard]] Decoded decode_text(std::string_view text, Revision revision, std::string& scratch);

// A binary frame, or one binary packet of an EIO3 payload. EIO4: the data of a message. EIO3: the
// type as one byte, then the data.
[[nodiscard]] Decoded decode_binary(std::string_view bytes, Revision revision) noexcept;

// What a WebSocket sends for a packet: `head`, then `data`, in one frame. Nothing is copied: `head`
// lives for ever, `data` is the packet's own.
struct Frame {
    bool binary = false;
    std::string_view head;  // One byte, or none for binary data in EIO4.
    std::string_view data;
};
[[nodiscard]] Frame frame_of(const Packet& packet, Revision revision) noexcept;

// Appends the packet as text: a digit and the data; binary data as `b<base64>` (EIO4) or
// `b4<base64>` (EIO3). This is what payloads hold, and what a WebSocket sends to a client that asked
// for base64 (`b64=1`).
void append_text(std::string& out, const Packet& packet, Revision revision);

}  // namespace starling::engineio
