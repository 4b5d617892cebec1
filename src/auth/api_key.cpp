#include "auth/api_key.h"

#include <openssl/crypto.h>

#include "base/text.h"

namespace starling::auth {
std::string_view api_key_of(const http::Request& request) {
    if (request.has_header("x-api-key")) return request.header("x-api-key");
    constexpr std::string_view scheme = "Bearer ";
    const std::string_view authorization = request.header("authorization");
    if (!base::iequals(authorization.substr(0, scheme.size()), scheme)) return {};
    return base::trim(authorization.substr(scheme.size()));
}

ApiKeys::ApiKeys(std::span<const std::string> keys) {
    for (const std::string& key : keys) digests_.push_back(base::sha256(key));
}

bool ApiKeys::contain(std::string_view given) const {
    if (given.empty()) return false;  // The request brought none: an empty key is no key.
    const auto wanted = base::sha256(given);
    bool found = false;
    // Every key is compared, so that the time does not tell which key matched.
    for (const auto& digest : digests_)
        found |= ::CRYPTO_memcmp(digest.data(), wanted.data(), wanted.size()) == 0;
    return found;
}

}  // namespace starling::auth
