#include "auth/address_set.h"

#include <algorithm>
#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>
#include <charconv>
#include <stdexcept>
#include <string>

namespace starling::auth {
namespace {

constexpr unsigned mapped_bits = 96;  // ::ffff:0:0/96

using View = boost::urls::string_view;

bool same_prefix(const std::array<uint8_t, 16>& a, const std::array<uint8_t, 16>& b,
                 unsigned bits) noexcept {
    const size_t whole = bits / 8;
    if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
    if (bits % 8 == 0) return true;
    const auto mask = static_cast<uint8_t>(0xff00 >> bits % 8);
    return ((a[whole] ^ b[whole]) & mask) == 0;
}

bool bits_behind(const std::array<uint8_t, 16>& address, unsigned bits) noexcept {
    for (unsigned i = bits; i < 128; ++i)
        if ((address[i / 8] & 0x80 >> i % 8) != 0) return true;
    return false;
}

}  // namespace

bool AddressSet::parse(std::string_view text, Range& range) noexcept {
    if (const auto v4 = boost::urls::parse_ipv4_address(View(text.data(), text.size()))) {
        const auto bytes = v4->to_bytes();
        range.first = {};
        range.first[10] = range.first[11] = 0xff;
        std::ranges::copy(bytes, range.first.begin() + 12);
        range.v4 = true;
        return true;
    }
    const auto v6 = boost::urls::parse_ipv6_address(View(text.data(), text.size()));
    if (!v6) return false;
    const auto bytes = v6->to_bytes();
    std::ranges::copy(bytes, range.first.begin());
    range.v4 = v6->is_v4_mapped();
    return true;
}

void AddressSet::add(std::string_view text) {
    if (text == "unix") {
        unix_ = true;
        return;
    }
    const std::string named = "'" + std::string(text) + "' ";
    const size_t slash = text.find('/');
    Range range;
    if (!parse(text.substr(0, slash), range))
        throw std::invalid_argument(named + "is no address, range (10.0.0.0/8) or 'unix'");
    // An IPv4-mapped address in IPv6 notation has a prefix length of at least 96.
    const bool dotted = range.v4 && text.substr(0, slash).find(':') == std::string_view::npos;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        unsigned bits = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (digits.empty() || digits.size() > 3 || error != std::errc() ||
            end != digits.data() + digits.size() || bits > (dotted ? 32U : 128U))
            throw std::invalid_argument(named + "has no prefix length behind its '/'");
        range.prefix_bits = dotted ? bits + mapped_bits : bits;
        if (range.v4 && range.prefix_bits < mapped_bits)
            throw std::invalid_argument(named + "mixes IPv4 and IPv6");
        if (range.prefix_bits == (range.v4 ? mapped_bits : 0))
            throw std::invalid_argument(named + "trusts every address there is");
    }
    if (bits_behind(range.first, range.prefix_bits))
        throw std::invalid_argument(named + "has bits set behind its prefix");
    ranges_.push_back(range);
}

bool AddressSet::contains(std::string_view address) const noexcept {
    if (address.empty() || address == "unix") return unix_;
    Range peer;
    if (!parse(address, peer)) return false;
    return std::ranges::any_of(ranges_, [&](const Range& range) {
        return range.v4 == peer.v4 && same_prefix(range.first, peer.first, range.prefix_bits);
    });
}

}  // namespace starling::auth
