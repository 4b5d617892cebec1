// peer/ip_address.h: an IP address as bytes. The notation does not matter: "::ffff:10.0.0.1" is the
// IPv4 address 10.0.0.1 (RFC 4291 section 2.5.5.2). Numeric addresses only. Pure, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace starling::peer {

struct IpAddress {
    std::array<uint8_t, 16> bytes{};  // An IPv4 address is mapped.
    bool v4 = false;

    // "192.0.2.1", "2001:db8::1"; without brackets, port and zone.
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text) noexcept;
    // `bytes`: 4 or 16 of them, in network order.
    [[nodiscard]] static IpAddress from(std::span<const uint8_t> bytes) noexcept;
    [[nodiscard]] std::string to_string() const;

    bool operator==(const IpAddress&) const = default;
};

}  // namespace starling::peer
