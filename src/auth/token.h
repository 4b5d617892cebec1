// auth/token.h: splits a signed token in compact serialization (JWS), RFC 7515 section 7.1, before
// its signature is verified. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace starling::auth {

struct Token {
    std::string_view signed_part;  // Header, dot and claims as sent; a view into the token's text.
    std::string signature;         // Decoded.
    std::string claims;            // Decoded JSON. Read it only after the signature was verified.
    std::string algorithm;         // `alg`. Must equal the key's algorithm, and selects nothing.
    std::string key_id;            // `kid`; "" if absent.
};

// Returns nothing unless `text` has three parts in strict base64url, and the header is a JSON
// object with a text `alg` and without `crit`: RFC 7515 section 4.1.11 refuses extensions that the
// receiver does not understand, and this one understands none.
[[nodiscard]] std::optional<Token> parse_token(std::string_view text);

}  // namespace starling::auth
