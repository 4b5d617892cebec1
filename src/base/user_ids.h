// base/user_ids.h: the numbers of users and groups, which are given by a name or as a number.
//
// Thread: any. Reads the system's user database.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace starling::base {

[[nodiscard]] std::optional<uid_t> find_user(const std::string& name);
[[nodiscard]] std::optional<gid_t> find_group(const std::string& name);
// The main group of a user; nothing: the database does not know the user.
[[nodiscard]] std::optional<gid_t> group_of_user(uid_t user);
// "": the database does not know the user.
[[nodiscard]] std::string name_of_user(uid_t user);

}  // namespace starling::base
