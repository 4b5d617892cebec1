// base/base64.h: base64 (RFC 4648 section 4) and base64url without padding (section 5; RFC 7515
// section 2). Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::base {

// The alphabet of base64url; base64 has '+' and '/' in place of the last two characters.
inline constexpr std::string_view base64url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Returns nothing for a character outside the alphabet (even padding and white space), a length
// that no encoder makes, and non-zero bits after the last byte. So each value has exactly one
// encoding.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

// Appends the form that base64url_decode() reads.
void base64url_append(std::string& out, std::string_view bytes);

// Lenient, because peers encode in many ways (Java breaks lines at 76 columns, Android uses the URL
// alphabet): white space is skipped, both alphabets are read, padding may be missing or too long,
// and bits after the last byte are ignored. Replaces `out`. False, with `out` empty, for any other
// character, for a letter after padding, and for a single letter after the groups of four.
[[nodiscard]] bool base64_decode(std::string_view text, std::string& out);

// Appends with padding.
void base64_append(std::string& out, std::string_view bytes);

}  // namespace starling::base
