// auth/api_key.h: the keys of an HTTP API, compared in constant time.
//
// Pure.
#pragma once

#include <starling/http.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"

namespace starling::auth {

// X-Api-Key, else the token of "Authorization: Bearer"; "": the request has neither.
[[nodiscard]] std::string_view api_key_of(const http::Request& request);

// The configured keys. Their digests are computed once. Immutable, so any thread may ask.
class ApiKeys {
public:
    explicit ApiKeys(std::span<const std::string> keys);

    // Is `given` one of the keys? "" never is. The time that the answer takes tells nothing about
    // a key.
    [[nodiscard]] bool contain(std::string_view given) const;

private:
    std::vector<std::array<char, base::sha256_bytes>> digests_;
};

}  // namespace starling::auth
