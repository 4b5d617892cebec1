// base/digest.h: hashes computed by OpenSSL. Pure functions, any thread.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

namespace starling::base {

inline constexpr size_t sha256_bytes = 32;

// HMAC-SHA256 (RFC 2104) of the concatenated parts. The key may have any length. Throws
// std::bad_alloc.
[[nodiscard]] std::array<char, sha256_bytes> hmac_sha256(
    std::string_view key, std::initializer_list<std::string_view> parts);

// SHA-256 (FIPS 180-4). Throws std::bad_alloc.
[[nodiscard]] std::array<char, sha256_bytes> sha256(std::string_view text);

// MD5 (RFC 1321) in lower-case hexadecimal. For naming a text only, not for security. Throws
// std::bad_alloc.
[[nodiscard]] std::string md5_hex(std::string_view text);

// SHA-1 (FIPS 180-4) in lower-case hexadecimal, as md5_hex().
[[nodiscard]] std::string sha1_hex(std::string_view text);

}  // namespace starling::base
