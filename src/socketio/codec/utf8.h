// socketio/codec/utf8.h: text of applications and of MessagePack made fit for a text frame (RFC 6455 8.1: a
// browser closes the connection at the first byte that is not UTF-8). Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace starling::socketio {

[[nodiscard]] bool utf8_is_valid(std::string_view text) noexcept;

// `text` with each maximal part of a broken character replaced by one U+FFFD, as browsers decode
// (Unicode 15.0 section 3.9).
[[nodiscard]] std::string utf8_repaired(std::string_view text);

}  // namespace starling::socketio
