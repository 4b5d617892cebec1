// engineio/utf16.h: text as JavaScript sees it: lengths in UTF-16 code units (EIO3), escapes in
// JSON and in string literals (JSONP). All text here is UTF-8. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::engineio {

// `text` must be valid UTF-8.
[[nodiscard]] size_t utf16_length(std::string_view text) noexcept;

// The number of bytes that the first `units` code units of `text` (valid UTF-8) take. Nothing if
// the text is shorter, or if `units` ends between the two halves of a surrogate pair.
[[nodiscard]] std::optional<size_t> utf16_prefix_bytes(std::string_view text,
                                                       uint64_t units) noexcept;

// Appends JSON, or a packet that contains JSON. Within JSON strings, characters beyond ASCII become
// \uHHHH, above U+FFFF two of them (RFC 8259 section 7). Text outside of strings is unchanged,
// because an escape has no meaning there, for example in the name of a namespace.
void append_ascii_json(std::string& out, std::string_view text);

// Appends a JavaScript string literal with its quotes: a JSON string in which U+2028 and U+2029 are
// escaped as well, because before ECMAScript 2019 they end a line.
void append_script_string(std::string& out, std::string_view text);

// Undoes UTF-8 that a client applied twice. Such text has only characters up to U+00FF, and those
// characters taken as bytes are valid UTF-8 with a character beyond ASCII. True: `out` holds these
// bytes. False for any other text; `out` is undefined.
[[nodiscard]] bool decode_utf8_twice(std::string_view text, std::string& out);

}  // namespace starling::engineio
