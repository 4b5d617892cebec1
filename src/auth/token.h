// auth/token.h: splits the compact serialization of a signed token (JWS), RFC 7515 section 7.1,
// before its signature is verified. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::auth {

struct Token {
    std::string_view signed_part;  // Header, dot, claims as sent; a view into the token's text.
    std::string signature;         // Decoded, like the next one.
    std::string claims;            // JSON, to be read once the signature is right.
    std::string algorithm;         // `alg`: compared with the key's, never followed.
    std::string key_id;            // `kid`; "" where there is none.
};

// Nothing unless there are three parts in strict base64url, the first a JSON object with a textual
// `alg`, and without `crit`: RFC 7515 section 4.1.11 refuses extensions that are not understood,
// and none is.
[[nodiscard]] std::optional<Token> parse_token(std::string_view text);

}  // namespace starling::auth
