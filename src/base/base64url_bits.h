// base/base64url_bits.h: base64url of a fixed number of bits, in memory of the caller: six bits for
// each character.
// Pure functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/base64.h"

namespace starling::base {

inline constexpr uint8_t no_base64url_digit = 64;

// The value of each character.
inline constexpr auto base64url_digits = [] {
    std::array<uint8_t, 256> table{};
    table.fill(no_base64url_digit);
    for (size_t i = 0; i < base64url_alphabet.size(); ++i)
        table[static_cast<unsigned char>(base64url_alphabet[i])] = static_cast<uint8_t>(i);
    return table;
}();

// `bytes` has at least six bits for each character.
inline void write_base64url(std::span<char> out, std::span<const std::byte> bytes) noexcept {
    uint32_t bits = 0;
    unsigned count = 0;
    size_t next = 0;
    for (char& c : out) {
        if (count < 6) {
            bits = bits << 8 | std::to_integer<uint32_t>(bytes[next++]);
            count += 8;
        }
        count -= 6;
        c = base64url_alphabet[bits >> count & 63];
    }
}

// Fills `out`, which has at most six bits for each character of `text`; further bits of `text` are
// ignored. False: a character is no digit; `out` is undefined then.
[[nodiscard]] inline bool read_base64url(std::string_view text, std::span<std::byte> out) noexcept {
    uint32_t bits = 0;
    unsigned count = 0;
    size_t next = 0;
    for (const char c : text) {
        const uint8_t digit = base64url_digits[static_cast<unsigned char>(c)];
        if (digit == no_base64url_digit) return false;
        bits = bits << 6 | digit;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        if (next < out.size()) out[next++] = static_cast<std::byte>(bits >> count & 0xff);
    }
    return true;
}

}  // namespace starling::base
