// base/json_text.h: writes, reads and compares JSON strings (RFC 8259 section 7). Pure functions,
// any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace starling::base {

namespace json_detail {

inline constexpr uint64_t ones = 0x0101010101010101;
inline constexpr uint64_t highs = ones * 0x80;

// Not zero if a byte of `word` is below `n`, which is at most 128.
[[nodiscard]] constexpr uint64_t below(uint64_t word, uint64_t n) noexcept {
    return (word - ones * n) & ~word & highs;
}

// Not zero if one of eight bytes of a string is a quote, a backslash or a control character.
[[nodiscard]] constexpr uint64_t special(uint64_t word) noexcept {
    return below(word, 0x20) | below(word ^ ones * '"', 1) | below(word ^ ones * '\\', 1);
}

[[nodiscard]] constexpr bool is_special(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

}  // namespace json_detail

// Appends a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Here and below `raw` is the part between the quotes of a string that scan_json() accepted.
//
// Appends the string's value as UTF-8. False if a `\uHHHH` is half of a surrogate pair without the
// other half; it becomes U+FFFD in `out`.
bool append_json_decoded(std::string& out, std::string_view raw);

// True if the string's value is `text`, which must be UTF-8.
[[nodiscard]] bool json_string_is(std::string_view raw, std::string_view text);

// True if a string in `json` contains half of a surrogate pair. scan_json() must have accepted
// `json`.
[[nodiscard]] bool json_has_lone_surrogate(std::string_view json) noexcept;

// `json` without the blanks between its values, so without line ends. scan_json() must have accepted
// `json`.
[[nodiscard]] std::string json_without_blanks(std::string_view json);

// The value of the escape \uHHHH at `at`; nothing if there is no such escape.
[[nodiscard]] std::optional<uint32_t> json_unit_at(std::string_view text, size_t at) noexcept;

}  // namespace starling::base
