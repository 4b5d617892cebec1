#include "ws/frame.h"

#include <cassert>

namespace starling::ws {

size_t write_close_payload(std::byte* out, uint16_t code, std::string_view reason) noexcept {
    if (code == close_code::none_received) return 0;
    assert(close_code_is_valid(code));
    size_t length = std::min(reason.size(), close_reason_bytes_max);
    if (length < reason.size()) {
        // Half a character would earn our own close frame a 1007: back up to where one begins.
        while (length > 0 && (static_cast<unsigned char>(reason[length]) & 0xc0) == 0x80) --length;
    }
    out[0] = static_cast<std::byte>(code >> 8);
    out[1] = static_cast<std::byte>(code);
    if (length > 0) std::memcpy(out + 2, reason.data(), length);
    return 2 + length;
}

}  // namespace starling::ws
