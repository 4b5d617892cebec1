#include "load/measure/frames.h"

namespace starling::load {
namespace {

constexpr unsigned rsv1 = 0x40;

std::string header(unsigned op, size_t payload_bytes, unsigned mask_bit) {
    std::string out(1, static_cast<char>(0x80U | op));
    const size_t bytes = header_bytes(payload_bytes);
    const size_t marker = bytes == 2 ? payload_bytes : bytes == 4 ? 126 : 127;
    out += static_cast<char>(mask_bit | marker);
    for (size_t left = bytes - 2; left-- > 0;)
        out += static_cast<char>((payload_bytes >> (8 * left)) & 255U);
    return out;
}

}  // namespace

std::string client_frame(uint8_t op, std::string_view payload, bool compressed) {
    return header(compressed ? op | rsv1 : op, payload.size(), 0x80)
        .append(4, '\0')
        .append(payload);
}

std::string server_frame(bool binary, std::string_view payload) {
    return header(binary ? opcode::binary : opcode::text, payload.size(), 0).append(payload);
}

uint16_t close_code(std::string_view payload) noexcept {
    if (payload.size() < 2) return 0;
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(payload[i]); };
    return static_cast<uint16_t>(byte(0) << 8U | byte(1));
}

}  // namespace starling::load
