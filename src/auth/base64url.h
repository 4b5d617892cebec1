// auth/base64url.h: base64url without padding, RFC 7515 section 2 (RFC 4648 section 5). Pure
// functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::auth {

// Nothing for a character outside the alphabet (padding and whitespace included), a length that no
// encoder makes, and bits behind the last byte: one value has one spelling.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace starling::auth
