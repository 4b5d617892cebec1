// engineio/utf16.h: what JavaScript's strings have to do with payloads: lengths in UTF-16 code units
// (EIO3), escapes of JSON and of string literals (JSONP). Text is UTF-8. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::engineio {

// Valid UTF-8 only.
[[nodiscard]] size_t utf16_length(std::string_view text) noexcept;

// How many bytes at the front of valid UTF-8 are that many code units. Nothing where the text is
// shorter, or where they would end between the two halves of a surrogate pair.
[[nodiscard]] std::optional<size_t> utf16_prefix_bytes(std::string_view text,
                                                       uint64_t units) noexcept;

// Appends JSON, or a packet with JSON in it: within its strings, characters beyond ASCII become
// \uHHHH, above U+FFFF two of them (RFC 8259 section 7). Outside of them nothing changes: there an
// escape would mean itself, as in the name of a namespace.
void append_ascii_json(std::string& out, std::string_view text);

// Appends a string literal of JavaScript, quotes included: JSON, with U+2028 and U+2029 escaped,
// which end a line there before ECMAScript 2019.
void append_script_string(std::string& out, std::string_view text);

// For text that a client encoded as UTF-8 twice: every character is at most U+00FF, and taken as
// bytes they are UTF-8 with a character beyond ASCII. Replaces `out` by those bytes; false, with
// `out` undefined, for any other text.
[[nodiscard]] bool decode_utf8_twice(std::string_view text, std::string& out);

}  // namespace starling::engineio
