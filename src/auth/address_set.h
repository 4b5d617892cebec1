// auth/address_set.h: ranges of IP addresses, RFC 4632 and RFC 4291 section 2.3: whose headers are
// believed. Numeric addresses alone, no look-ups. Pure, any thread once filled.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace starling::auth {

class AddressSet {
public:
    // "10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1", "unix" for peers without an address. Throws
    // std::invalid_argument that says what is wrong: also with "10.0.0.1/8", which names two things,
    // and with "/0", which trusts everybody.
    void add(std::string_view text);

    // As http::Request::remote_address() has it: "" is a Unix-domain socket's. An IPv4 address counts
    // as the same however it is written: "::ffff:10.0.0.1" lies in 10.0.0.0/8, and not in "::/64".
    [[nodiscard]] bool contains(std::string_view address) const noexcept;

private:
    using Bytes = std::array<uint8_t, 16>;  // IPv4 as RFC 4291 section 2.5.5.2 maps it.
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
