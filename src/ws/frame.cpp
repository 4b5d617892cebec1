#include "ws/frame.h"

#include "base/assert.h"
#include "base/utf8.h"

namespace starling::ws {

size_t write_close_payload(std::byte* out, uint16_t code, std::string_view reason) noexcept {
    if (code == close_code::none_received) return 0;
    STARLING_ASSERT(close_code_is_valid(code));
    // A reason that ends within a character would be invalid UTF-8, and the peer would answer 1007.
    reason = base::utf8_cut(reason, close_reason_bytes_max);
    out[0] = static_cast<std::byte>(code >> 8);
    out[1] = static_cast<std::byte>(code);
    if (!reason.empty()) std::memcpy(out + 2, reason.data(), reason.size());
    return 2 + reason.size();
}

}  // namespace starling::ws
