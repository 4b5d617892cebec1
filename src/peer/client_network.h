// peer/client_network.h: what counts as one client for limits. Pure, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "peer/ip_address.h"

namespace starling::peer {

// One client for the counts: an IPv4 address, or the /64 of an IPv6 address, because one host may
// use all addresses of its /64.
struct ClientNetwork {
    uint64_t prefix = 0;
    bool v6 = false;
    friend auto operator<=>(const ClientNetwork&, const ClientNetwork&) = default;

    // `address` is that of http::Request::remote_address(). All clients of a Unix-domain socket
    // count as one.
    [[nodiscard]] static ClientNetwork of(std::string_view address) noexcept;
    [[nodiscard]] static ClientNetwork of(const IpAddress& address) noexcept;
};

}  // namespace starling::peer
