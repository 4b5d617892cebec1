#include "ws/decoder.h"

#include <algorithm>

namespace starling::ws {

namespace {

constexpr unsigned fin_bit = 0x80, rsv1_bit = 0x40, rsv23_bits = 0x30, control_bit = 8;

Fault judge_first_byte(unsigned byte, const HeaderRules& rules) noexcept {
    const unsigned opcode = byte & 15;
    const bool begins = opcode == 1 || opcode == 2;
    if (byte & rsv23_bits) return Fault::reserved_bits;
    // RFC 7692 section 6: only the first frame of a data message may set RSV1.
    if ((byte & rsv1_bit) && !(rules.deflate && begins)) return Fault::reserved_bits;
    if (opcode & control_bit) {
        if (opcode > 10) return Fault::unknown_opcode;
        return byte & fin_bit ? Fault::none : Fault::fragmented_control;
    }
    if (opcode > 2) return Fault::unknown_opcode;
    if (begins) return rules.in_message ? Fault::nested_message : Fault::none;
    if (!rules.in_message) return Fault::lone_continuation;
    return rules.fragments_left ? Fault::none : Fault::too_many_fragments;
}

struct Length {
    Fault fault;
    uint64_t value;
};

// `present` may hold fewer bytes than `bytes`, the size of the length field: a fault is reported as
// soon as the present bytes prove it.
Length judge_length(std::span<const std::byte> present, size_t bytes, uint64_t allowed) noexcept {
    uint64_t value = 0;
    for (const std::byte byte : present) value = value << 8 | std::to_integer<uint64_t>(byte);
    // Every length that begins with the present bytes is at least this large.
    const uint64_t least = present.empty() ? 0 : value << 8 * (bytes - present.size());
    if (least >> 63) return {Fault::length_bit_63, 0};
    // 5.2: the shortest form is required. Six zero bytes of eight prove a violation; one zero byte
    // of two does not.
    if (bytes == 8 && present.size() >= 6 && least < 65536) return {Fault::length_not_shortest, 0};
    if (bytes == 2 && present.size() == 2 && value < 126) return {Fault::length_not_shortest, 0};
    if (least > allowed) return {Fault::message_too_big, 0};
    return {Fault::none, value};
}

}  // namespace

FrameHeader decode_frame_header(std::span<const std::byte> input,
                                const HeaderRules& rules) noexcept {
    FrameHeader header;
    if (input.empty()) return header;
    const auto first = std::to_integer<unsigned>(input[0]);
    header.fault = judge_first_byte(first, rules);
    if (header.fault != Fault::none || input.size() < 2) return header;
    header.opcode = static_cast<Opcode>(first & 15);
    header.fin = first & fin_bit;
    header.compressed =
        (first & rsv1_bit) || (header.opcode == Opcode::continuation && rules.message_compressed);

    const auto second = std::to_integer<unsigned>(input[1]);
    const unsigned short_length = second & 127;
    if (((second & 0x80) != 0) != rules.masked) {
        header.fault = Fault::wrong_masking;
        return header;
    }
    if (header.control() && short_length > control_payload_bytes_max) {
        header.fault = Fault::long_control;
        return header;
    }
    if (header.opcode == Opcode::close && short_length == 1) {
        header.fault = Fault::short_close_payload;
        return header;
    }
    // The size of decompressed payload is limited during inflation.
    const bool limited = !header.control() && !header.compressed;
    const uint64_t allowed = limited ? rules.message_bytes_left : UINT64_MAX;

    const size_t length_bytes = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
    Length length{short_length > allowed ? Fault::message_too_big : Fault::none, short_length};
    if (length_bytes > 0) {
        const auto present = input.subspan(2, std::min(length_bytes, input.size() - 2));
        length = judge_length(present, length_bytes, allowed);
    }
    header.fault = length.fault;
    const size_t header_bytes = 2 + length_bytes + (rules.masked ? 4 : 0);
    if (header.fault != Fault::none || input.size() < header_bytes) return header;

    header.payload_bytes = length.value;
    if (rules.masked) std::memcpy(&header.masking_key, input.data() + header_bytes - 4, 4);
    header.header_bytes = static_cast<uint8_t>(header_bytes);
    return header;
}

}  // namespace starling::ws
