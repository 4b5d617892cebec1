// base/base64.h: base64 (RFC 4648 section 4) and base64url without padding (section 5; RFC 7515
// section 2). Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::base {

// Of base64url; base64 has '+' and '/' in place of the last two.
inline constexpr std::string_view base64url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Nothing for a character outside the alphabet (padding and whitespace included), a length that no
// encoder makes, and bits behind the last byte: one value has one spelling.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

// Appends; what base64url_decode() reads.
void base64url_append(std::string& out, std::string_view bytes);

// For data that peers encode in many ways (Java's line ends at 76 columns, Android's URL alphabet):
// white space is skipped, both alphabets are read, padding may be missing or too long, and bits behind the
// last byte are ignored. Replaces `out`; false, and `out` empty, for any other character, for a letter
// behind padding, and for one letter beyond whole groups of four.
[[nodiscard]] bool base64_decode(std::string_view text, std::string& out);

// Appends, with padding.
void base64_append(std::string& out, std::string_view bytes);

}  // namespace starling::base
