#include "base/user_ids.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <vector>

namespace starling::base {
namespace {

// Calls `look_up`, getpwnam_r() or a function like it, with the key, and `use` with the entry.
template <class Entry, class Key, class LookUp, class Use>
bool find_entry(Key key, LookUp&& look_up, Use&& use) {
    Entry entry{};
    Entry* found = nullptr;
    std::vector<char> text(16 * 1024);
    while (look_up(key, &entry, text.data(), text.size(), &found) == ERANGE)
        text.resize(text.size() * 2);
    if (found) use(*found);
    return found != nullptr;
}

std::optional<uint32_t> number(const std::string& text) {
    uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return value;
}

}  // namespace

std::optional<uid_t> find_user(const std::string& name) {
    std::optional<uid_t> id = number(name);
    if (!id)
        find_entry<passwd>(name.c_str(), ::getpwnam_r, [&](const passwd& it) { id = it.pw_uid; });
    return id;
}

std::optional<gid_t> find_group(const std::string& name) {
    std::optional<gid_t> id = number(name);
    if (!id)
        find_entry<::group>(name.c_str(), ::getgrnam_r, [&](const ::group& it) { id = it.gr_gid; });
    return id;
}

std::optional<gid_t> group_of_user(uid_t user) {
    std::optional<gid_t> id;
    find_entry<passwd>(user, ::getpwuid_r, [&](const passwd& it) { id = it.pw_gid; });
    return id;
}

std::string name_of_user(uid_t user) {
    std::string name;
    find_entry<passwd>(user, ::getpwuid_r, [&](const passwd& it) { name = it.pw_name; });
    return name;
}

}  // namespace starling::base
