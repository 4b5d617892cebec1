// app/config/addresses.cpp: the part of app/config/config.h that compares the addresses of all
// listeners with each other, and looks up the users and groups.
#include "app/config/config.h"
#include "app/serve/privileges.h"

#include "base/user_ids.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <filesystem>

namespace starling::app {
namespace {

// What an address binds.
struct Bound {
    int family = AF_UNSPEC;
    std::string host;  // Bytes of the IP address; the path of a Unix-domain socket.
    std::string port;  // Without zeros at its beginning; "": port 0, which clashes with nothing.
    bool operator==(const Bound&) const = default;

    [[nodiscard]] bool is_every_address() const noexcept {
        return family != AF_UNIX && host.find_first_not_of('\0') == std::string::npos;
    }
};

// `address` has passed check_address().
Bound bound(std::string_view address) {
    constexpr std::string_view unix = "unix:";
    if (address.starts_with(unix)) {
        const std::filesystem::path path(address.substr(unix.size()));
        return {AF_UNIX, path.lexically_normal().string(), "-"};
    }
    const size_t colon = address.rfind(':');
    std::string host(address.substr(0, colon));
    const std::string_view digits = address.substr(colon + 1);
    const size_t first = digits.find_first_not_of('0');
    const std::string port(first == std::string_view::npos ? "" : digits.substr(first));
    std::array<char, sizeof(in6_addr)> bytes{};
    if (host.starts_with('[')) {
        ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), bytes.data());
        return {AF_INET6, std::string(bytes.data(), sizeof(in6_addr)), port};
    }
    if (host.empty() || host == "*") host = "0.0.0.0";
    if (host == "localhost") host = "127.0.0.1";
    ::inet_pton(AF_INET, host.c_str(), bytes.data());
    return {AF_INET, std::string(bytes.data(), sizeof(in_addr)), port};
}

// The kernel binds one of the two alone.
bool clash(const Bound& one, const Bound& other) noexcept {
    if (one.port.empty() || one.port != other.port || one.family != other.family) return false;
    return one.host == other.host || one.is_every_address() || other.is_every_address();
}

std::string element(std::string_view list, size_t index) {
    return std::string(list) + "[" + std::to_string(index) + "]";
}

}  // namespace

std::vector<ListenKey> Config::listen_keys() const {
    std::vector<ListenKey> all;
    const ListenList& listen = settings_.server.listen;
    all.reserve(listen.size() + settings_.redirect.listen.size() + 1);
    for (size_t i = 0; i < listen.size(); ++i)
        all.push_back({listen[i].serves == Listen::Serves::control ? "gateway.control.listen"
                                                                   : element("listen", i),
                       listen[i].address});
    const auto& redirect = settings_.redirect.listen;
    for (size_t i = 0; i < redirect.size(); ++i)
        all.push_back({element("redirect.listen", i), redirect[i]});
    // Without its default address the program runs too.
    if (settings_.admin_enabled && names("admin.listen"))
        all.push_back({"admin.listen", settings_.admin_listen});
    return all;
}

bool Config::finish_addresses() {
    const std::vector<ListenKey> all = listen_keys();
    std::vector<Bound> places;
    places.reserve(all.size());
    for (size_t i = 0; i < all.size(); ++i) {
        places.push_back(bound(all[i].address));
        for (size_t before = 0; before < i; ++before) {
            if (!clash(places[i], places[before])) continue;
            return fail_at(all[i].key,
                           places[i] == places[before]
                               ? "is the same address as " + all[before].key
                               : "overlaps " + all[before].key +
                                     ": one of the two takes every address of the port");
        }
    }
    return true;
}

bool Config::finish_owners() {
    const auto identity = identity_of(settings_);
    if (!identity) return fail_at(identity.error().key, identity.error().what);
    const ListenList& listen = settings_.server.listen;
    for (size_t i = 0; i < listen.size(); ++i) {
        const std::string& owner = listen[i].owner;
        const std::string& group = listen[i].group;
        if (!owner.empty() && !base::find_user(owner))
            return fail_at(element("listen", i) + ".owner", "there is no user '" + owner + "'");
        if (!group.empty() && !base::find_group(group))
            return fail_at(element("listen", i) + ".group", "there is no group '" + group + "'");
    }
    return true;
}

}  // namespace starling::app
