// server/admin_ui/session_ids.h: the session ids that a page of the Admin UI keeps and brings again
// in place of the password. An id carries its own end and a signature whose key comes from the
// password hash: the server keeps none, and an id is valid on all workers and nodes, and after a
// restart, until the password changes.
//
// Pure: time and random bytes are arguments. Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/digest.h"

namespace starling::server {

class SessionIds {
public:
    static constexpr int64_t lifetime_s = 86'400;  // As the Redis store of the npm package.

    SessionIds(std::string_view username, std::string_view password_hash);

    // 64 hexadecimal digits: the end of the session, `random`, and the signature of both.
    [[nodiscard]] std::string make(uint64_t random, int64_t now_s) const;
    [[nodiscard]] bool is_valid(std::string_view id, int64_t now_s) const;

private:
    [[nodiscard]] std::string signature(std::string_view head) const;

    const std::array<char, base::sha256_bytes> key_;
};

}  // namespace starling::server
