// http/cookie.h: cookies, RFC 6265 sections 4.1 and 4.2. Pure functions.
#pragma once

#include <starling/http.h>

#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

// The first cookie of that name in a Cookie field's value, without surrounding double quotes.
[[nodiscard]] std::optional<std::string_view> find_cookie(std::string_view field,
                                                          std::string_view name) noexcept;

// A Set-Cookie field's value. Throws std::invalid_argument for a name that is no token, and for a
// value, path or domain with a character that would end it.
[[nodiscard]] std::string format_cookie(std::string_view name, std::string_view value,
                                        const CookieOptions& options);

}  // namespace starling::http
