// peer/address_set.h: a set of IP address ranges (RFC 4632, RFC 4291 section 2.3): the proxies
// whose headers are trusted. Numeric addresses only, no look-ups. Pure, any thread once filled.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "peer/ip_address.h"

namespace starling::peer {

class AddressSet {
public:
    // Adds "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1", or "unix" for peers without an
    // address. Throws std::invalid_argument that says what is wrong. Refuses "10.0.0.1/8", since it
    // may mean the address or the range, and "/0", since it trusts every peer.
    void add(std::string_view text);
    // Throws as add() does, and names the text: "trusted_proxies[1]: ...".
    [[nodiscard]] static AddressSet read(std::string_view name,
                                         const std::vector<std::string>& texts);

    // `address`: as http::Request::remote_address() returns it; "" is a peer on a Unix-domain socket.
    // "::ffff:10.0.0.1" lies in 10.0.0.0/8, and not in "::/64".
    [[nodiscard]] bool contains(std::string_view address) const noexcept;
    [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return ranges_.empty() && !unix_; }

private:
    struct Range {
        IpAddress first;
        unsigned prefix_bits = 128;
    };

    std::vector<Range> ranges_;
    bool unix_ = false;
};

}  // namespace starling::peer
