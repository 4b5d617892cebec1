// app/connect/printable.h: text of a server for a terminal. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace starling::app::connect {

// One line that cannot steer a terminal: control characters (C0, DEL, C1), the characters that change
// the direction of text, and line separators are escaped as \n, \t, \x1b or \u{202e}; a byte that is
// not UTF-8 as \xff. A backslash stays as it is.
[[nodiscard]] std::string printable(std::string_view text);

// The same for the front of a text of more than `bytes_max` bytes, with a note at the end:
// "abc... (5000 bytes; --full shows all)". 0: never cut.
[[nodiscard]] std::string printable_cut(std::string_view text, size_t bytes_max);

// At most `bytes_max` bytes of words of a server, with a blank in place of each character that
// printable() escapes, and none at the end.
[[nodiscard]] std::string printable_words(std::string_view text, size_t bytes_max);

// Appends the same JSON, in which the characters that printable() escapes are written as \u009b.
void append_printable_json(std::string& out, std::string_view json);

// "3 bytes: 00 01 ff"; of more than `bytes_max` bytes the front, with "..." at the end. 0: all.
[[nodiscard]] std::string hex_text(std::span<const std::byte> bytes, size_t bytes_max);

// RFC 4648 section 4, with padding.
[[nodiscard]] std::string base64(std::string_view bytes);

// Columns that a text takes on a terminal, in the program's locale; a control character takes two, as
// in ^X.
[[nodiscard]] size_t columns_of(std::string_view text) noexcept;

}  // namespace starling::app::connect
