// engineio/packet.h: encodes and decodes one Engine.IO packet, protocol revisions 3 and 4, as a
// WebSocket frame or in its base64 form (engine.io-protocol, "Packet encoding"). Pure functions,
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::engineio {

enum class Revision : uint8_t { eio3 = 3, eio4 = 4 };

enum class Type : uint8_t { open, close, ping, pong, message, upgrade, noop };

// Faults in the bytes of a peer. Each one ends the session with reason `parse error`.
enum class Fault : uint8_t {
    none,
    empty_packet,  // Not even a type byte.
    unknown_type,  // Or binary data of a type other than message.
    invalid_base64,
    invalid_utf8,
    invalid_length,  // EIO3: the length is no number, or ends inside a character.
    cut_short,       // EIO3: the body is shorter than the length says.
    too_many_packets,
    binary_payload,  // EIO4 has no binary payloads.
};

[[nodiscard]] std::string_view fault_text(Fault fault) noexcept;  // The text lives for ever.

struct Packet {
    Type type = Type::noop;
    bool binary = false;    // Only messages may be binary.
    std::string_view data;  // The bytes after the type byte; borrowed. UTF-8 unless binary.

    friend bool operator==(const Packet&, const Packet&) = default;
};

struct Decoded {
    Fault fault = Fault::none;
    Packet packet;  // Valid if `fault` is none.
};

// Decodes a text frame (the WebSocket layer has checked that it is UTF-8) or one packet of a text
// payload. Both hold a digit and the data, or base64. `packet.data` borrows from `text`, or from
// `scratch` if base64 was decoded; `scratch` is overwritten.
[[nodiscard]] Decoded decode_text(std::string_view text, Revision revision, std::string& scratch);

// Decodes a binary frame, or one binary packet of an EIO3 payload. EIO4: the bytes are the data of
// a message. EIO3: the first byte is the type, the data follows.
[[nodiscard]] Decoded decode_binary(std::string_view bytes, Revision revision) noexcept;

// One WebSocket frame for a packet: the payload is `head`, then `data`. Nothing is copied: `head`
// lives for ever, `data` is that of the packet.
struct Frame {
    bool binary = false;
    std::string_view head;  // One byte; empty for binary data in EIO4.
    std::string_view data;
};
[[nodiscard]] Frame frame_of(const Packet& packet, Revision revision) noexcept;

// Appends the packet as text: a digit and the data; binary data as `b<base64>` (EIO4) or
// `b4<base64>` (EIO3). Payloads hold this form, and so do the WebSocket frames for a client that
// asked for base64 (`b64=1`).
void append_text(std::string& out, const Packet& packet, Revision revision);

}  // namespace starling::engineio
