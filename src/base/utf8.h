// base/utf8.h: UTF-8 (RFC 3629); the only code that knows its grammar. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace starling::base {

// The facts about a character that its first byte determines (Unicode 15.0 table 3-7).
struct Utf8Lead {
    uint8_t bytes = 0;  // Length of the character; 0: no character begins with that byte.
    // Bounds of the second byte: they exclude overlong forms, surrogates and codes above U+10FFFF.
    // Each further byte is 0x80 to 0xbf.
    uint8_t lower = 0x80;
    uint8_t upper = 0xbf;
};

[[nodiscard]] constexpr Utf8Lead utf8_lead(uint8_t first) noexcept {
    if (first < 0x80) return {.bytes = 1};
    if (first < 0xc2 || first > 0xf4) return {};
    Utf8Lead lead{.bytes = static_cast<uint8_t>(first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4)};
    if (first == 0xe0) lead.lower = 0xa0;
    if (first == 0xed) lead.upper = 0x9f;
    if (first == 0xf0) lead.lower = 0x90;
    if (first == 0xf4) lead.upper = 0x8f;
    return lead;
}

struct Utf8Character {
    uint32_t code = 0xfffd;  // U+FFFD for a broken character.
    // For a broken character the length of its maximal part, 1 to 3 (Unicode 15.0 section 3.9).
    uint8_t bytes = 1;
    bool valid = false;
};

// The character at the front of `text`, which is not empty.
[[nodiscard]] constexpr Utf8Character utf8_front(std::string_view text) noexcept {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const Utf8Lead lead = utf8_lead(byte(0));
    if (lead.bytes == 1) return {byte(0), 1, true};
    if (lead.bytes == 0 || text.size() < 2 || byte(1) < lead.lower || byte(1) > lead.upper)
        return {};
    uint32_t code = (byte(0) & (0x7fU >> lead.bytes)) << 6 | (byte(1) & 0x3fU);
    for (uint8_t i = 2; i < lead.bytes; ++i) {
        if (i >= text.size() || (byte(i) & 0xc0) != 0x80) return {.bytes = i};
        code = code << 6 | (byte(i) & 0x3fU);
    }
    return {code, lead.bytes, true};
}

[[nodiscard]] bool utf8_is_valid(std::string_view text) noexcept;
[[nodiscard]] bool utf8_is_valid(std::span<const std::byte> bytes) noexcept;

// Replaces each maximal part of a broken character by one U+FFFD, as browsers do.
[[nodiscard]] std::string utf8_repaired(std::string_view text);

// The longest prefix of `text` with at most `bytes_max` bytes that does not cut a character.
[[nodiscard]] constexpr std::string_view utf8_cut(std::string_view text,
                                                  size_t bytes_max) noexcept {
    if (text.size() <= bytes_max) return text;
    size_t end = bytes_max;
    while (end > 0 && bytes_max - end < 3 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80)
        --end;
    return text.substr(0, end);
}

// Validates text that comes in parts; three bytes of state. Owner: the object that feeds it.
// Thread: the owner's.
class Utf8Validator {
public:
    // False as soon as the bytes so far cannot be the beginning of valid UTF-8: C0 fails at C0, F4
    // 90 at 90. After false do not call it again.
    [[nodiscard]] bool feed(std::span<const std::byte> bytes) noexcept;

    // True if the bytes so far end with a complete character.
    [[nodiscard]] bool complete() const noexcept { return continuations_ == 0; }

private:
    [[nodiscard]] bool step(uint8_t byte) noexcept;

    uint8_t continuations_ = 0;            // How many more bytes the current character needs.
    uint8_t lower_ = 0x80, upper_ = 0xbf;  // Bounds of the next byte.
};

}  // namespace starling::base
