// auth/claims.h: checks the claims of a verified token, RFC 7519 section 4.1. Pure functions, any
// thread.
#pragma once

#include <starling/auth.h>

#include <cstdint>
#include <string_view>

namespace starling::auth {

// `claims`: JSON whose signature is right. Of the options: issuer, audience, leeway, user_claim.
[[nodiscard]] Verdict check_claims(std::string_view claims, const Options& options, int64_t now_s);

// 1 to user_bytes_max bytes without control characters: it goes into logs and channel names.
[[nodiscard]] bool is_user(std::string_view user) noexcept;

}  // namespace starling::auth
