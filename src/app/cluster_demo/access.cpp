#include "app/cluster_demo/access.h"

#include <openssl/crypto.h>

#include <algorithm>

namespace starling::app::cluster_demo {

bool is_local_host(std::string_view host) noexcept {
    for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) {
        if (!host.starts_with(name)) continue;
        const std::string_view rest = host.substr(name.size());
        const bool digits = std::ranges::all_of(rest.substr(rest.empty() ? 0 : 1),
                                                [](char c) { return c >= '0' && c <= '9'; });
        if (rest.empty() || (rest.front() == ':' && rest.size() > 1 && digits)) return true;
    }
    return false;
}

Access check_access(std::string_view host, std::string_view origin, std::string_view given,
                    std::string_view key) noexcept {
    constexpr std::string_view scheme = "http://";
    if (!is_local_host(host)) return Access::foreign_host;
    if (!origin.empty() && (!origin.starts_with(scheme) || origin.substr(scheme.size()) != host))
        return Access::foreign_origin;
    const bool same =
        given.size() == key.size() && CRYPTO_memcmp(given.data(), key.data(), key.size()) == 0;
    return same && !key.empty() ? Access::allowed : Access::no_key;
}

}  // namespace starling::app::cluster_demo
