// server/socketio/name_pattern.h: tests whether a whole name matches an ECMAScript expression.
#pragma once

#include <functional>
#include <string_view>

namespace starling::server {

// Any thread. A name over 255 bytes does not match. Throws std::regex_error, whose text says what
// is wrong with the expression.
[[nodiscard]] std::function<bool(std::string_view name)> name_pattern(std::string_view expression);

}  // namespace starling::server
