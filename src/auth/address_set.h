// auth/address_set.h: a set of IP address ranges (RFC 4632, RFC 4291 section 2.3): the proxies
// whose headers are trusted. Numeric addresses only, no look-ups. Pure, any thread once filled.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace starling::auth {

class AddressSet {
public:
    // Adds "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1", or "unix" for peers without an
    // address. Throws std::invalid_argument that says what is wrong. Refuses "10.0.0.1/8", since it
    // may mean the address or the range, and "/0", since it trusts every peer.
    void add(std::string_view text);

    // `address`: as http::Request::remote_address() returns it; "" is a peer on a Unix-domain
    // socket. The notation of an IPv4 address does not matter: "::ffff:10.0.0.1" lies in
    // 10.0.0.0/8, and not in "::/64".
    [[nodiscard]] bool contains(std::string_view address) const noexcept;

private:
    using Bytes = std::array<uint8_t, 16>;  // IPv4 addresses are mapped (RFC 4291 section 2.5.5.2).
    struct Range {
        Bytes first{};
        unsigned prefix_bits = 128;
        bool v4 = false;
    };
    static bool parse(std::string_view text, Range& range) noexcept;

    std::vector<Range> ranges_;
    bool unix_ = false;
};

}  // namespace starling::auth
