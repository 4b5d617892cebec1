#include "auth/api_key.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>

#include "base/text.h"

namespace starling::auth {
namespace {

// A digest's length tells nothing about the length of the key.
std::array<unsigned char, SHA256_DIGEST_LENGTH> digest(std::string_view text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> bytes;
    ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes.data());
    return bytes;
}

}  // namespace

std::string_view api_key_of(const http::Request& request) {
    if (request.has_header("x-api-key")) return request.header("x-api-key");
    constexpr std::string_view scheme = "Bearer ";
    const std::string_view authorization = request.header("authorization");
    if (!base::iequals(authorization.substr(0, scheme.size()), scheme)) return {};
    return base::trim(authorization.substr(scheme.size()));
}

bool is_api_key(std::string_view given, std::span<const std::string> keys) {
    const auto wanted = digest(given);
    bool found = false;
    for (const std::string& key : keys) {
        const auto one = digest(key);
        // Every key is compared, so that the time does not tell which of them it was.
        found |= ::CRYPTO_memcmp(one.data(), wanted.data(), wanted.size()) == 0;
    }
    return found;
}

}  // namespace starling::auth
