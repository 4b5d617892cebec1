// load/measure/frames.h: RFC 6455 section 5.2 for a client that makes its frames once and sends them
// many times. The masking key is zero, so the payload needs no masking; a server cannot know that,
// and unmasks.
//
// Pure functions, any thread. Views point into the bytes that were given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::load {

namespace opcode {
inline constexpr uint8_t continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10;
}

inline constexpr size_t control_payload_bytes_max = 125;

[[nodiscard]] constexpr size_t header_bytes(size_t payload_bytes) noexcept {
    return payload_bytes < 126 ? 2 : payload_bytes < 65536 ? 4 : 10;
}

// A whole masked frame of a client. `compressed`: the payload is that of permessage-deflate, RFC 7692.
[[nodiscard]] std::string client_frame(uint8_t opcode, std::string_view payload,
                                       bool compressed = false);
[[nodiscard]] inline std::string client_frame(bool binary, std::string_view payload) {
    return client_frame(binary ? opcode::binary : opcode::text, payload);
}
// A whole frame of a server: final and not masked.
[[nodiscard]] std::string server_frame(bool binary, std::string_view payload);

// The code in the payload of a close frame; 0: none.
[[nodiscard]] uint16_t close_code(std::string_view payload) noexcept;

// A time as ten printable bytes of five bits each: 50 bits of nanoseconds are thirteen days. Text
// messages and JSON strings carry these bytes without escapes.
inline constexpr size_t stamp_bytes = 10;

inline void write_stamp(char* to, uint64_t nanoseconds) noexcept {
    for (size_t i = 0; i < stamp_bytes; ++i)
        to[i] = static_cast<char>('0' + ((nanoseconds >> (5 * i)) & 31U));
}

[[nodiscard]] inline uint64_t read_stamp(const char* from) noexcept {
    uint64_t value = 0;
    for (size_t i = 0; i < stamp_bytes; ++i)
        value |= static_cast<uint64_t>(static_cast<unsigned char>(from[i] - '0') & 31U) << (5 * i);
    return value;
}

// The time since a stamp was written, as far as 50 bits say.
[[nodiscard]] inline uint64_t since_stamp(const char* stamp, uint64_t now_ns) noexcept {
    return (now_ns - read_stamp(stamp)) & ((uint64_t{1} << (5 * stamp_bytes)) - 1);
}

}  // namespace starling::load
