// app/demo/community/token.h: makes the token of a login: a JSON Web Token, HS256 (RFC 7519, RFC
// 7518 section 3.2). <starling/auth.h> verifies it.
//
// Pure functions except random_secret(). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::app::community {

struct Claims {
    std::string_view user_claim, user;  // "email": "emma@example.com"; `sub` gets the user too.
    std::string_view issuer, audience;  // "": the claim is left out.
    int64_t issued_at_s = 0, lifetime_s = 0;
};

[[nodiscard]] std::string sign_token(const Claims& claims, std::string_view key_id,
                                     std::string_view secret);
// Returns `bytes` random bytes as hexadecimal digits; "" if the random generator fails.
[[nodiscard]] std::string random_secret(size_t bytes);

}  // namespace starling::app::community
