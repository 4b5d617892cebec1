#include "auth/api_key.h"

#include <openssl/crypto.h>

#include "base/digest.h"
#include "base/text.h"

namespace starling::auth {
std::string_view api_key_of(const http::Request& request) {
    if (request.has_header("x-api-key")) return request.header("x-api-key");
    constexpr std::string_view scheme = "Bearer ";
    const std::string_view authorization = request.header("authorization");
    if (!base::iequals(authorization.substr(0, scheme.size()), scheme)) return {};
    return base::trim(authorization.substr(scheme.size()));
}

bool is_api_key(std::string_view given, std::span<const std::string> keys) {
    const auto wanted = base::sha256(given);
    bool found = false;
    for (const std::string& key : keys) {
        const auto one = base::sha256(key);
        // Every key is compared, so that the time does not tell which key matched.
        found |= ::CRYPTO_memcmp(one.data(), wanted.data(), wanted.size()) == 0;
    }
    return found;
}

}  // namespace starling::auth
