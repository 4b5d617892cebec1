// app/config/checks.h: checks the text values of a configuration. Each check returns nothing for a
// valid text, otherwise the end of the sentence "key 'x': must be ...". Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::app {

[[nodiscard]] std::optional<std::string> check_address(std::string_view text);
// "": no address.
[[nodiscard]] std::optional<std::string> check_optional_address(std::string_view text);
[[nodiscard]] std::optional<std::string> check_route_path(std::string_view text);
[[nodiscard]] std::optional<std::string> check_token(std::string_view text);  // RFC 9110 5.6.2
// What a header field can carry; not empty.
[[nodiscard]] std::optional<std::string> check_api_key(std::string_view text);
// An origin, or "*".
[[nodiscard]] std::optional<std::string> check_cors_origin(std::string_view text);
// An origin, or a pattern with a wildcard.
[[nodiscard]] std::optional<std::string> check_ws_origin(std::string_view text);

[[nodiscard]] std::optional<std::string> check_cluster_mode(std::string_view text);
[[nodiscard]] std::optional<std::string> check_cluster_subscriptions(std::string_view text);
[[nodiscard]] std::optional<std::string> check_admin_ui_mode(std::string_view text);

}  // namespace starling::app
