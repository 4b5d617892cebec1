// ws/decoder.h: RFC 6455 section 5.2, decodes one frame header. A fault is reported at the first
// byte that proves it.
//
// A pure function; the Receiver keeps the state of the message. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ws/fault.h"
#include "ws/frame.h"

namespace starling::ws {

// The frames that may come next, given the role, the negotiation and the message so far.
struct HeaderRules {
    bool masked = true;               // 5.1: clients mask, servers do not.
    bool deflate = false;             // permessage-deflate was negotiated.
    bool in_message = false;          // A message has begun, and is not finished.
    bool message_compressed = false;  // That message has RSV1 on its first frame.
    bool fragments_left = true;       // Another continuation frame is within the limit.
    uint64_t message_bytes_left = 0;  // Remaining payload of an uncompressed message.
};

struct FrameHeader {
    Fault fault = Fault::none;
    uint8_t header_bytes = 0;  // 0 without a fault: the header is incomplete, read more.
    Opcode opcode = Opcode::continuation;
    bool fin = false;
    bool compressed = false;   // The payload belongs to a compressed message.
    uint32_t masking_key = 0;  // 0 also for an unmasked frame.
    uint64_t payload_bytes = 0;

    [[nodiscard]] bool control() const noexcept { return static_cast<uint8_t>(opcode) & 8; }
};

[[nodiscard]] FrameHeader decode_frame_header(std::span<const std::byte> input,
                                              const HeaderRules& rules) noexcept;

}  // namespace starling::ws
