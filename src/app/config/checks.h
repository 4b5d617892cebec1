// app/config/checks.h: what the texts of a configuration must look like. Each returns nothing, or the rest
// of the sentence "key 'x': must be ...". Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::app {

[[nodiscard]] std::optional<std::string> check_address(std::string_view text);
[[nodiscard]] std::optional<std::string> check_route_path(std::string_view text);
[[nodiscard]] std::optional<std::string> check_token(std::string_view text);  // RFC 9110 5.6.2
[[nodiscard]] std::optional<std::string> check_cors_origin(std::string_view text);  // Or "*".
[[nodiscard]] std::optional<std::string> check_ws_origin(std::string_view text);  // Or a wildcard.

}  // namespace starling::app
