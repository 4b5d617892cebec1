// webhook/selector.h: selects the connections that a request of the control API refers to.
//
// Owner: the request, as a value. Thread: as any value.
#pragma once

#include <cstdint>
#include <string_view>

#include "webhook/names.h"

namespace starling::webhook {

// The values of users_access_type.
enum class Access : uint8_t { all, private_only, public_only };

// The properties by which a connection is selected.
struct Target {
    std::string_view conn_id;
    std::string_view user;
    std::string_view token;
    bool is_public = false;
};

// All given selectors must match. An empty set is not given. `""` among the users is the user
// without a name. `access` restricts the users; if no users are given it is ignored.
struct Selector {
    NameSet conns;
    NameSet users;
    NameSet tokens;
    Access access = Access::all;

    [[nodiscard]] bool given() const noexcept {
        return !conns.empty() || !users.empty() || !tokens.empty();
    }
    // Call it only if given(). A worker that finds connections by id or user checks only those.
    [[nodiscard]] bool matches(const Target& target) const noexcept {
        if (!conns.empty() && !conns.contains(target.conn_id)) return false;
        if (users.empty()) return tokens.empty() || tokens.contains(target.token);
        return users.contains(target.user) && matches_as_user(target);
    }
    // The same, for a target that was found by its user: call it if `users` contains that user, and
    // `conns` is empty.
    [[nodiscard]] bool matches_as_user(const Target& target) const noexcept {
        return (tokens.empty() || tokens.contains(target.token)) &&
               (access == Access::all || (access == Access::public_only) == target.is_public);
    }
};

}  // namespace starling::webhook
