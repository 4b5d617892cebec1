#include "peer/address_set.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string>

namespace starling::peer {
namespace {

constexpr unsigned mapped_bits = 96;  // ::ffff:0:0/96

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

void AddressSet::add(std::string_view text) {
    if (text == "unix") {
        unix_ = true;
        return;
    }
    const std::string named = "'" + std::string(text) + "' ";
    const size_t slash = text.find('/');
    const auto first = IpAddress::parse(text.substr(0, slash));
    if (!first) throw std::invalid_argument(named + "is no address, range (10.0.0.0/8) or 'unix'");
    Range range{.first = *first};
    // An IPv4-mapped address in IPv6 notation has a prefix length of at least 96.
    const bool dotted = range.first.v4 && text.substr(0, slash).find(':') == std::string_view::npos;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        unsigned bits = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (digits.empty() || digits.size() > 3 || error != std::errc() ||
            end != digits.data() + digits.size() || bits > (dotted ? 32U : 128U))
            throw std::invalid_argument(named + "needs a prefix length from 1 to " +
                                        (dotted ? "32" : "128") + " behind its '/'");
        range.prefix_bits = dotted ? bits + mapped_bits : bits;
        if (range.first.v4 && range.prefix_bits < mapped_bits)
            throw std::invalid_argument(named + "mixes IPv4 and IPv6");
        if (range.prefix_bits == (range.first.v4 ? mapped_bits : 0))
            throw std::invalid_argument(named + "trusts every address there is");
    }
    if (bits_behind(range.first.bytes, range.prefix_bits))
        throw std::invalid_argument(named + "has bits set behind its prefix");
    ranges_.push_back(range);
}

AddressSet AddressSet::read(std::string_view name, const std::vector<std::string>& texts) {
    AddressSet set;
    for (size_t i = 0; i < texts.size(); ++i) {
        try {
            set.add(texts[i]);
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument(std::string(name) + "[" + std::to_string(i) +
                                        "]: " + error.what());
        }
    }
    return set;
}

bool AddressSet::contains(std::string_view address) const noexcept {
    if (address.empty() || address == "unix") return unix_;
    if (ranges_.empty()) return false;
    const auto peer = IpAddress::parse(address);
    return peer && contains(*peer);
}

bool AddressSet::contains(const IpAddress& address) const noexcept {
    return std::ranges::any_of(ranges_, [&](const Range& range) {
        return range.first.v4 == address.v4 &&
               same_prefix(range.first.bytes, address.bytes, range.prefix_bits);
    });
}

}  // namespace starling::peer
