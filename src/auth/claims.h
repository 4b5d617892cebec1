// auth/claims.h: checks the claims of a verified token, RFC 7519 section 4.1. Pure functions, any
// thread.
#pragma once

#include <starling/auth.h>

#include <cstdint>
#include <string_view>

namespace starling::auth {

// `claims`: the JSON of a token whose signature was verified. Uses issuer, audience, leeway and
// user_claim of `options`.
[[nodiscard]] Verdict check_claims(std::string_view claims, const Options& options, int64_t now_s);

// True: 1 to user_bytes_max bytes without control characters, since the user's name goes into logs
// and channel names.
[[nodiscard]] bool is_user(std::string_view user) noexcept;

}  // namespace starling::auth
