// http/cookie.h: cookies, RFC 6265 sections 4.1 and 4.2. Pure functions, any thread.
#pragma once

#include <starling/http.h>

#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

// The value of the first cookie named `name` in a Cookie field's value, without surrounding double
// quotes.
[[nodiscard]] std::optional<std::string_view> find_cookie(std::string_view field,
                                                          std::string_view name) noexcept;

// Formats the value of a Set-Cookie field. Throws std::invalid_argument if the name is no token, or
// if the value, path or domain holds a character that would end it.
[[nodiscard]] std::string format_cookie(std::string_view name, std::string_view value,
                                        const CookieOptions& options);

}  // namespace starling::http
