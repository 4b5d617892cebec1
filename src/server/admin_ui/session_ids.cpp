#include "server/admin_ui/session_ids.h"

#include <openssl/crypto.h>

#include <charconv>

namespace starling::server {
namespace {

constexpr size_t number_digits = 16, head_digits = 2 * number_digits, id_digits = 64;

void append_hex(std::string& to, uint64_t number) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (int shift = 60; shift >= 0; shift -= 4) to += digits[number >> shift & 15];
}

}  // namespace

SessionIds::SessionIds(std::string_view username, std::string_view password_hash)
    : key_(base::hmac_sha256(password_hash, {"session of the Socket.IO Admin UI\n", username})) {}

std::string SessionIds::signature(std::string_view head) const {
    const auto bytes = base::hmac_sha256({key_.data(), key_.size()}, {head});
    std::string text;
    for (size_t i = 0; i < number_digits; i += 8) {
        uint64_t number = 0;
        for (size_t j = i; j < i + 8; ++j) number = number << 8 | static_cast<uint8_t>(bytes[j]);
        append_hex(text, number);
    }
    return text;
}

std::string SessionIds::make(uint64_t random, int64_t now_s) const {
    std::string id;
    append_hex(id, static_cast<uint64_t>(now_s + lifetime_s));
    append_hex(id, random);
    return id + signature(id);
}

bool SessionIds::is_valid(std::string_view id, int64_t now_s) const {
    if (id.size() != id_digits) return false;
    const std::string expected = signature(id.substr(0, head_digits));
    if (::CRYPTO_memcmp(expected.data(), id.data() + head_digits, expected.size()) != 0)
        return false;
    uint64_t end = 0;
    const auto read = std::from_chars(id.data(), id.data() + number_digits, end, 16);
    return read.ec == std::errc() && now_s < static_cast<int64_t>(end);
}

}  // namespace starling::server
