// server/socketio/name_pattern.h: names that match a regular expression (ECMAScript), whole.
#pragma once

#include <functional>
#include <string_view>

namespace starling::server {

// Any thread. A name over 255 bytes matches nothing. Throws std::regex_error, which says what is wrong
// with the expression.
[[nodiscard]] std::function<bool(std::string_view name)> name_pattern(std::string_view expression);

}  // namespace starling::server
