// ws/frame.h: RFC 6455 section 5, the sending side: frame headers, close payloads, fragments.
//
// Owner: none, pure functions. Thread: any.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "ws/mask.h"

namespace starling::ws {

// The side that this endpoint plays. A server reads masked frames and writes unmasked ones (5.1).
enum class Role : uint8_t { server, client };

enum class Opcode : uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10
};

inline constexpr size_t frame_header_bytes_max = 14;
inline constexpr size_t control_payload_bytes_max = 125;
inline constexpr size_t close_reason_bytes_max = 123;

// Section 7.4.1 and the IANA registry. The last three codes never appear on the wire.
namespace close_code {
inline constexpr uint16_t normal = 1000;
inline constexpr uint16_t going_away = 1001;
inline constexpr uint16_t protocol_error = 1002;
inline constexpr uint16_t unsupported_data = 1003;
inline constexpr uint16_t invalid_payload = 1007;
inline constexpr uint16_t policy_violation = 1008;
inline constexpr uint16_t message_too_big = 1009;
inline constexpr uint16_t mandatory_extension = 1010;
inline constexpr uint16_t internal_error = 1011;
inline constexpr uint16_t service_restart = 1012;
inline constexpr uint16_t try_again_later = 1013;
inline constexpr uint16_t bad_gateway = 1014;
inline constexpr uint16_t none_received = 1005;
inline constexpr uint16_t abnormal = 1006;
inline constexpr uint16_t tls_failure = 1015;
}  // namespace close_code

// True: a close frame may carry this code.
[[nodiscard]] constexpr bool close_code_is_valid(uint16_t code) noexcept {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

[[nodiscard]] constexpr size_t frame_header_bytes(uint64_t payload_bytes, bool masked) noexcept {
    const size_t length_bytes = payload_bytes < 126 ? 0 : payload_bytes < 65536 ? 2 : 8;
    return 2 + length_bytes + (masked ? 4 : 0);
}

// `out` has room for frame_header_bytes_max. A null key writes an unmasked header, as servers do.
// Returns the bytes written. The caller appends the payload, masked if there is a key.
inline size_t write_frame_header(std::byte* out, Opcode opcode, bool fin, bool rsv1,
                                 uint64_t payload_bytes,
                                 const uint32_t* masking_key = nullptr) noexcept {
    const unsigned mask_bit = masking_key ? 0x80 : 0;
    out[0] = static_cast<std::byte>((fin ? 0x80u : 0u) | (rsv1 ? 0x40u : 0u) |
                                    static_cast<unsigned>(opcode));
    size_t at = 2;
    if (payload_bytes < 126) {
        out[1] = static_cast<std::byte>(mask_bit | payload_bytes);
    } else if (payload_bytes < 65536) {
        out[1] = static_cast<std::byte>(mask_bit | 126);
        out[2] = static_cast<std::byte>(payload_bytes >> 8);
        out[3] = static_cast<std::byte>(payload_bytes);
        at = 4;
    } else {
        out[1] = static_cast<std::byte>(mask_bit | 127);
        for (; at < 10; ++at) out[at] = static_cast<std::byte>(payload_bytes >> 8 * (9 - at));
    }
    if (masking_key) {
        std::memcpy(out + at, masking_key, sizeof *masking_key);
        at += sizeof *masking_key;
    }
    return at;
}

// `out` has room for control_payload_bytes_max. For 1005 the payload is empty: a close frame
// without a code. Any other code must be valid on the wire. A long reason is cut between
// characters.
[[nodiscard]] size_t write_close_payload(std::byte* out, uint16_t code,
                                         std::string_view reason) noexcept;

// Splits an outgoing message into frames with payloads of at most `frame_payload_bytes_max` (> 0)
// bytes (5.4). An empty message is one empty frame. Only the first frame has RSV1 (RFC 7692 6.1).
class Fragmenter {
public:
    struct Fragment {
        Opcode opcode;
        bool fin;
        bool rsv1;
        std::span<const std::byte> payload;  // A view into the message.
    };

    Fragmenter(Opcode opcode, std::span<const std::byte> message, size_t frame_payload_bytes_max,
               bool compressed = false) noexcept
        : rest_(message),
          frame_payload_bytes_max_(frame_payload_bytes_max),
          opcode_(opcode),
          compressed_(compressed) {}

    [[nodiscard]] bool done() const noexcept { return done_; }

    [[nodiscard]] Fragment next() noexcept {
        const auto payload = rest_.first(std::min(rest_.size(), frame_payload_bytes_max_));
        rest_ = rest_.subspan(payload.size());
        done_ = rest_.empty();
        const Fragment fragment{opcode_, done_, compressed_, payload};
        opcode_ = Opcode::continuation;
        compressed_ = false;
        return fragment;
    }

private:
    std::span<const std::byte> rest_;
    size_t frame_payload_bytes_max_;
    Opcode opcode_;
    bool compressed_;
    bool done_ = false;
};

}  // namespace starling::ws
