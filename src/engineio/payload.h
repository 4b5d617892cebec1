// engineio/payload.h: several packets in one HTTP body (engine.io-protocol, "Payload encoding"):
// what a client posts and what a poll is answered with, in EIO4 text, EIO3 text, EIO3 binary and
// JSONP. Bodies are complete here and already within the limit of the server.
//
// Owner: the handler of the request, for the request's duration. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engineio/packet.h"

namespace starling::engineio {

inline constexpr size_t packets_max = 1024;  // In one POST.

enum class PayloadKind : uint8_t { text, binary };

// Binary for "application/octet-stream", with or without parameters; anything else is text, as
// clients name it in several ways ("text/plain;charset=UTF-8", a form, nothing).
[[nodiscard]] PayloadKind payload_kind(std::string_view content_type) noexcept;

// Reads packets from a body one by one, and allocates only for the current packet.
class PayloadReader {
public:
    enum class Step : uint8_t { packet, end, fault };

    // `body` is borrowed until the reader is gone.
    PayloadReader(std::string_view body, Revision revision, PayloadKind kind) noexcept;
    PayloadReader(const PayloadReader&) = delete;  // packet() may point into it.
    PayloadReader& operator=(const PayloadReader&) = delete;

    // `packet` when there is one, in packet(); after `end` and `fault` the same again.
    // A text body that is not UTF-8 as a whole is a fault before its first packet.
    [[nodiscard]] Step next();

    // Borrowed from the body or from the reader, until the next call of next(). Text that a client
    // 1.x encoded as UTF-8 twice (EIO3 text payloads) is decoded once more.
    [[nodiscard]] const Packet& packet() const noexcept { return packet_; }
    [[nodiscard]] Fault fault() const noexcept { return fault_; }

private:
    [[nodiscard]] Step next_eio4();
    [[nodiscard]] Step next_text3();
    [[nodiscard]] Step next_binary3();
    [[nodiscard]] Step deliver(const Decoded& decoded);
    [[nodiscard]] Step fail(Fault fault) noexcept;

    std::string_view rest_;
    std::string scratch_;
    Packet packet_;
    uint32_t packets_ = 0;
    Revision revision_;
    PayloadKind kind_;
    Fault fault_ = Fault::none;
    bool more_;  // A packet is due: EIO4 ends with a packet, not with a separator.
};

// Builds the answer to a poll.
class PayloadWriter {
public:
    // `supports_binary`: see supports_binary() of engineio/request.h; matters in EIO3 alone.
    // `bytes_max`: what append() stops at, counted before base64 and escapes.
    PayloadWriter(Revision revision, bool supports_binary, size_t bytes_max) noexcept;

    // False: the packet does not fit. Send the payload so far, and this packet with the next poll.
    // The first packet always fits. EIO3: characters beyond ASCII within JSON strings of messages
    // become \uHHHH, because clients 1.x read text answers as bytes.
    [[nodiscard]] bool append(const Packet& packet);

    [[nodiscard]] bool empty() const noexcept { return body_.empty(); }
    // EIO3 with a binary packet, for a client that takes binary answers.
    [[nodiscard]] PayloadKind kind() const noexcept { return kind_; }
    [[nodiscard]] std::string_view content_type() const noexcept;  // Lives for ever.
    [[nodiscard]] std::string take();                              // Once, at the end.

private:
    // EIO3 frames its parts at the end: how depends on whether any of them is binary.
    struct Part {
        size_t bytes;
        bool binary;
    };

    void append3(const Packet& packet);

    std::string body_;
    std::vector<Part> parts_;
    size_t bytes_max_;
    Revision revision_;
    bool supports_binary_;
    PayloadKind kind_ = PayloadKind::text;
};

// The answer to a JSONP poll: `___eio[<j>]("...");`. Of `j` only the digits are used. The payload
// is text (JSONP carries no binary).
[[nodiscard]] std::string jsonp_reply(std::string_view j, std::string_view payload);

// The payload in a JSONP POST. `d` is the field of that name, percent-decoded. Clients escape
// newlines, which some browsers' forms change: `\n` (two characters) stands for a newline, and
// `\\n` for `\n`.
[[nodiscard]] std::string jsonp_payload(std::string_view d);

}  // namespace starling::engineio
