#include "app/demo/community/token.h"

#include <boost/json.hpp>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <vector>

namespace starling::app::community {
namespace {

namespace json = boost::json;

// RFC 4648 section 5, without padding.
std::string base64url(std::string_view bytes) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    text.reserve((bytes.size() * 4 + 2) / 3);
    uint32_t held = 0;
    int bits = 0;
    for (const char byte : bytes) {
        held = (held << 8 | static_cast<uint8_t>(byte)) & 0xffff;
        for (bits += 8; bits >= 6; bits -= 6) text += digits[held >> (bits - 6) & 63];
    }
    if (bits > 0) text += digits[held << (6 - bits) & 63];
    return text;
}

std::string hmac_sha256(std::string_view secret, std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    if (!HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes, text.size(),
              digest, &size))
        return {};
    return {reinterpret_cast<const char*>(digest), size};
}

}  // namespace

std::string sign_token(const Claims& claims, std::string_view key_id, std::string_view secret) {
    const json::object header{{"alg", "HS256"}, {"typ", "JWT"}, {"kid", key_id}};
    json::object body{{"sub", claims.user},
                      {"iat", claims.issued_at_s},
                      {"exp", claims.issued_at_s + claims.lifetime_s}};
    if (!claims.user_claim.empty()) body[claims.user_claim] = claims.user;
    if (!claims.issuer.empty()) body["iss"] = claims.issuer;
    if (!claims.audience.empty()) body["aud"] = claims.audience;
    const std::string token =
        base64url(json::serialize(header)) + "." + base64url(json::serialize(body));
    return token + "." + base64url(hmac_sha256(secret, token));
}

std::string random_secret(size_t bytes) {
    std::vector<unsigned char> random(bytes);
    if (RAND_bytes(random.data(), static_cast<int>(bytes)) != 1) return {};
    std::string text;
    for (const unsigned char byte : random) {
        constexpr std::string_view digits = "0123456789abcdef";
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

}  // namespace starling::app::community
