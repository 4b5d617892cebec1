#include "peer/local.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "peer/address_set.h"

namespace starling::peer {
namespace {

bool tells_of_another_peer(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 7> names = {
        "forwarded",  "via",    "x-real-ip",     "x-original-forwarded-for",
        "x-bfl-user", "origin", "sec-fetch-site"};
    constexpr std::array<std::string_view, 2> prefixes = {"x-forwarded-", "x-envoy-"};
    const auto is = [name](std::string_view other) { return base::iequals(name, other); };
    const auto begins = [name](std::string_view prefix) {
        return base::iequals(name.substr(0, prefix.size()), prefix);
    };
    return std::ranges::any_of(names, is) || std::ranges::any_of(prefixes, begins);
}

}  // namespace

bool is_loopback(std::string_view address) {
    static const auto loopback = AddressSet::read("loopback", {"127.0.0.0/8", "::1", "unix"});
    return loopback.contains(address);
}

bool tell_of_another_peer(std::span<const http::Field> fields) noexcept {
    return std::ranges::any_of(
        fields, [](const http::Field& field) { return tells_of_another_peer(field.name); });
}

}  // namespace starling::peer
