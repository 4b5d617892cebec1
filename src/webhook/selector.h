// webhook/selector.h: which connections a request of the control API means.
//
// Owner: the request, as a value. Thread: as any value.
#pragma once

#include <cstdint>
#include <string_view>

#include "webhook/names.h"

namespace starling::webhook {

// The values of users_access_type.
enum class Access : uint8_t { all, private_only, public_only };

// A connection, as far as it is selected by.
struct Target {
    std::string_view conn_id;
    std::string_view user;
    std::string_view token;
    bool is_public = false;
};

// Selectors that are given must all match. An empty set is none given. `""` among the users is the user without a
// name. Where users are given, `access` narrows them; else it is ignored.
struct Selector {
    NameSet conns;
    NameSet users;
    NameSet tokens;
    Access access = Access::all;

    [[nodiscard]] bool given() const noexcept {
        return !conns.empty() || !users.empty() || !tokens.empty();
    }
    // Only where one is given. A worker that finds connections by their id or their user asks this of those alone.
    [[nodiscard]] bool matches(const Target& target) const noexcept {
        if (!conns.empty() && !conns.contains(target.conn_id)) return false;
        if (!tokens.empty() && !tokens.contains(target.token)) return false;
        if (users.empty()) return true;
        return users.contains(target.user) &&
               (access == Access::all || (access == Access::public_only) == target.is_public);
    }
};

}  // namespace starling::webhook
