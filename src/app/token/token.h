// app/token/token.h: `starling token`: a JSON Web Token (RFC 7519) in compact serialization (RFC
// 7515 section 7.1).
//
// Thread: main's.
#pragma once

#include "app/command_line.h"
#include "app/streams.h"
#include "app/token/signing_key.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace starling::app {

struct TokenRequest {
    std::string subject, key_id = {}, issuer = {};
    std::vector<std::string> audience = {};
    std::optional<int64_t> expires_s = {};  // After the time of issue; none: never.
    std::vector<std::string> claims = {};   // "NAME=JSON".
};

// "90s", "15m", "1h", "7d": at least one second and at most ten years. Nothing for any other text.
[[nodiscard]] std::optional<int64_t> parse_lifetime(std::string_view text) noexcept;

// `now_s`: Unix time, claim iat. The token is one that an Authenticator with this key accepts; the
// failure says what is wrong.
[[nodiscard]] base::Result<std::string> make_token(const SigningKey& key,
                                                   const TokenRequest& request, int64_t now_s);

// Returns the exit code, see the command's exits in app/command_table.cpp.
[[nodiscard]] int run_token(const CommandLine& line, const Streams& streams, int64_t now_s);

}  // namespace starling::app
