// ws/fault.h: the faults of a peer after the handshake, with their close codes (RFC 6455 section
// 7.4.1). A connection stores one byte; the text is looked up when needed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace starling::ws {

enum class Fault : uint8_t {
    none,
    reserved_bits,
    unknown_opcode,
    wrong_masking,
    fragmented_control,
    long_control,
    lone_continuation,
    nested_message,
    length_bit_63,
    length_not_shortest,
    message_too_big,
    too_many_fragments,
    invalid_utf8,
    short_close_payload,
    invalid_close_code,
    invalid_close_reason,
    invalid_deflate_data,
    idle_deflate_data,
};

struct FaultText {
    uint16_t code;
    std::string_view reason;  // Short enough for a close frame. Static text.
};

inline constexpr std::array<FaultText, 18> fault_texts = {{
    {0, ""},
    {1002, "reserved bit set"},                       // 5.2
    {1002, "unknown opcode"},                         // 5.2
    {1002, "wrong masking"},                          // 5.1
    {1002, "fragmented control frame"},               // 5.5
    {1002, "control frame over 125 bytes"},           // 5.5
    {1002, "continuation of nothing"},                // 5.4
    {1002, "new message inside a message"},           // 5.4
    {1002, "length with bit 63 set"},                 // 5.2
    {1002, "length not in its shortest form"},        // 5.2
    {1009, "message too big"},                        // 7.4.1
    {1008, "too many fragments"},                     // 7.4.1
    {1007, "invalid UTF-8"},                          // 8.1
    {1002, "close payload of one byte"},              // 5.5.1
    {1002, "invalid close code"},                     // 7.4
    {1007, "invalid UTF-8 in close reason"},          // 5.5.1, 8.1
    {1007, "invalid compressed data"},                // RFC 7692 7.2.2
    {1007, "compressed data that yields no output"},  // RFC 7692 7.2.2; a limit of this library
}};

[[nodiscard]] constexpr const FaultText& fault_text(Fault fault) noexcept {
    return fault_texts[static_cast<size_t>(fault)];
}

}  // namespace starling::ws
