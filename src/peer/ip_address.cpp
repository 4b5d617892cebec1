#include "peer/ip_address.h"

#include <algorithm>
#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>
#include <charconv>

#include "base/text.h"

namespace starling::peer {
namespace {

// Four numbers up to 255 without leading zeros. Each connection has its address read: this takes a
// fraction of the time of Boost.URL's parser.
std::optional<IpAddress> parse_ipv4(std::string_view text) noexcept {
    std::array<uint8_t, 4> bytes{};
    const char* at = text.data();
    const char* const end = at + text.size();
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (i > 0 && (at == end || *at++ != '.')) return std::nullopt;
        if (end - at > 1 && *at == '0' && base::is_digit(at[1])) return std::nullopt;
        const auto [after, error] = std::from_chars(at, end, bytes[i]);
        if (error != std::errc()) return std::nullopt;
        at = after;
    }
    return at == end ? std::optional(IpAddress::from(bytes)) : std::nullopt;
}

}  // namespace

IpAddress IpAddress::from(std::span<const uint8_t> bytes) noexcept {
    IpAddress address;
    address.v4 = bytes.size() == 4;
    if (address.v4) address.bytes[10] = address.bytes[11] = 0xff;
    constexpr std::array<uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::ranges::copy(bytes, address.bytes.end() - static_cast<std::ptrdiff_t>(bytes.size()));
    if (!address.v4) address.v4 = std::equal(mapped.begin(), mapped.end(), address.bytes.begin());
    return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
    if (const auto v4 = parse_ipv4(text)) return v4;
    const auto v6 = boost::urls::parse_ipv6_address(text);
    if (!v6) return std::nullopt;
    return from(v6->to_bytes());
}

std::string IpAddress::to_string() const {
    if (!v4) return std::string(boost::urls::ipv6_address(bytes).to_string());
    boost::urls::ipv4_address::bytes_type last{};
    std::copy_n(bytes.begin() + 12, 4, last.begin());
    return std::string(boost::urls::ipv4_address(last).to_string());
}

}  // namespace starling::peer
