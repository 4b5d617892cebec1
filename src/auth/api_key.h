// auth/api_key.h: the keys of an HTTP API, compared in constant time.
//
// Pure, any thread.
#pragma once

#include <starling/http.h>

#include <span>
#include <string>
#include <string_view>

namespace starling::auth {

// X-Api-Key, else the token of "Authorization: Bearer"; "": the request has neither.
[[nodiscard]] std::string_view api_key_of(const http::Request& request);

// Is `given` one of `keys`? The time that the answer takes tells nothing about a key.
[[nodiscard]] bool is_api_key(std::string_view given, std::span<const std::string> keys);

}  // namespace starling::auth
