// engineio/payload.h: several packets in one HTTP body (engine.io-protocol, "Payload encoding"):
// the body of a client's POST and the answer to its poll, in EIO4 text, EIO3 text, EIO3 binary and
// JSONP. The caller passes complete bodies that are within the server's limit.
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

inline constexpr size_t packets_max = 1024;  // Packets in one POST.

enum class PayloadKind : uint8_t { text, binary };

// `binary` for "application/octet-stream", with or without parameters, else `text`: clients label
// text in several ways ("text/plain;charset=UTF-8", a form's type, no type).
[[nodiscard]] PayloadKind payload_kind(std::string_view content_type) noexcept;

// How the two roles read a payload.
struct PayloadReading {
    size_t packets_max = engineio::packets_max;  // More packets are a fault.
    // EIO3 text: text that was encoded as UTF-8 twice is decoded twice, as clients 1.x need it.
    bool decode_twice = true;
};

// Reads packets from a body one by one. Memory is allocated for the current packet only.
class PayloadReader {
public:
    enum class Step : uint8_t { packet, end, fault };

    // `body` must live as long as the reader.
    PayloadReader(std::string_view body, Revision revision, PayloadKind kind,
                  const PayloadReading& how = {}) noexcept;
    PayloadReader(const PayloadReader&) = delete;  // packet() may point into the reader.
    PayloadReader& operator=(const PayloadReader&) = delete;

    // `packet`: the next packet is in packet(). `end` and `fault` are final: further calls return
    // them again. A text body that is not valid UTF-8 as a whole is a fault before its first
    // packet.
    [[nodiscard]] Step next();

    // Valid until the next call of next(): the data borrows from the body or from the reader.
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
    PayloadReading how_;
    size_t packets_ = 0;
    Revision revision_;
    PayloadKind kind_;
    Fault fault_ = Fault::none;
    bool more_;  // EIO4: a separator was read, so one more packet must follow.
};

// Builds the answer to a poll.
class PayloadWriter {
public:
    // `supports_binary`: see supports_binary() of engineio/request.h; it matters in EIO3 only.
    // `bytes_max`: the limit at which append() refuses, counted before base64 and escapes.
    PayloadWriter(Revision revision, bool supports_binary, size_t bytes_max) noexcept;

    // False: the packet does not fit. Send the payload so far, and this packet with the next poll.
    // The first packet always fits. EIO3: characters beyond ASCII within JSON strings of messages
    // become \uHHHH, because clients 1.x read text answers as bytes.
    [[nodiscard]] bool append(const Packet& packet);

    [[nodiscard]] bool empty() const noexcept { return body_.empty(); }
    // `binary` in EIO3 if a packet is binary and the client accepts binary answers.
    [[nodiscard]] PayloadKind kind() const noexcept { return kind_; }
    [[nodiscard]] std::string_view content_type() const noexcept;  // The text lives for ever.
    [[nodiscard]] std::string take();                              // Call it once, at the end.

private:
    // EIO3 writes the length of each packet in take(): the form of all lengths depends on whether
    // any packet is binary.
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

// The answer to a JSONP poll: `___eio[<j>]("...");`. Only the digits of `j` are used. The payload
// is text: JSONP carries no binary data.
[[nodiscard]] std::string jsonp_reply(std::string_view j, std::string_view payload);

// The payload in a JSONP POST. `d` is the form field `d`, percent-decoded. Clients escape newlines,
// because some browsers' forms change them: `\n` (two characters) stands for a newline, and `\\n`
// for `\n`.
[[nodiscard]] std::string jsonp_payload(std::string_view d);

}  // namespace starling::engineio
