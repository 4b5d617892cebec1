#include "ws/client_host.h"

#include <array>
#include <boost/url/ipv6_address.hpp>
#include <cstdint>
#include <optional>

#include "base/text.h"

namespace starling::ws {
namespace {

using base::Failure;

int hex_digit(char c) noexcept {
    if (base::is_digit(c)) return c - '0';
    const char lowered = base::lower(c);
    return lowered >= 'a' && lowered <= 'f' ? lowered - 'a' + 10 : -1;
}

// One part of an IPv4 address: decimal, octal ("017") or hexadecimal ("0x1f").
std::optional<uint64_t> ipv4_part(std::string_view text) noexcept {
    if (text.empty()) return std::nullopt;
    int base = 10;
    if (text.size() >= 2 && text[0] == '0') {
        const bool hexadecimal = base::lower(text[1]) == 'x';
        base = hexadecimal ? 16 : 8;
        text.remove_prefix(hexadecimal ? 2 : 1);
    }
    uint64_t value = 0;
    for (const char c : text) {
        const int digit = hex_digit(c);
        if (digit < 0 || digit >= base) return std::nullopt;
        value = value * static_cast<uint64_t>(base) + static_cast<uint64_t>(digit);
        if (value > UINT32_MAX) return std::nullopt;
    }
    return value;
}

// Browsers read every host whose last label is a number as an IPv4 address (WHATWG URL 3.5).
bool ends_in_number(std::string_view host) noexcept {
    if (host.ends_with('.')) host.remove_suffix(1);
    const std::string_view last = host.substr(host.rfind('.') + 1);
    if (last.empty()) return false;
    bool digits = true;
    for (const char c : last) digits = digits && base::is_digit(c);
    return digits || (last.starts_with("0x") && ipv4_part(last));
}

std::optional<std::string> ipv4(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    std::array<uint64_t, 4> parts{};
    size_t count = 0;
    for (bool last = false; !last; ++count) {
        const size_t dot = host.find('.');
        last = dot == std::string_view::npos;
        const auto part = ipv4_part(host.substr(0, dot));
        if (!part || count == parts.size()) return std::nullopt;
        parts[count] = *part;
        host.remove_prefix(last ? host.size() : dot + 1);
    }
    uint64_t address = 0;
    for (size_t i = 0; i + 1 < count; ++i) {
        if (parts[i] > 255) return std::nullopt;
        address |= parts[i] << 8 * (3 - i);
    }
    // The last part fills the bytes that are left.
    if (parts[count - 1] >= uint64_t{1} << 8 * (5 - count)) return std::nullopt;
    address |= parts[count - 1];
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8)
        out += (out.empty() ? "" : ".") + std::to_string(address >> shift & 255);
    return out;
}

}  // namespace

std::string decode_escapes(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                            hex_digit(text[i + 2]) >= 0;
        if (!escape) {
            out += text[i];
            continue;
        }
        out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
        i += 2;
    }
    return out;
}

base::Result<std::string> parse_client_host(std::string_view text) {
    if (text.empty()) return Failure("the URL has no host");
    if (text.front() == '[') {
        if (text.size() < 2 || text.back() != ']') return Failure("the IPv6 address has no ]");
        const auto address = boost::urls::parse_ipv6_address(text.substr(1, text.size() - 2));
        if (!address) return Failure("no IPv6 address: " + std::string(text));
        return std::string(address->to_string());
    }
    std::string host = decode_escapes(text);
    constexpr std::string_view forbidden = " #/:<>?@[\\]^|%";
    for (char& c : host) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x7f)
            return Failure(
                "a host name outside ASCII is not supported; write its ASCII form (xn--...)");
        if (byte < 0x20 || byte == 0x7f || forbidden.find(c) != std::string_view::npos)
            return Failure("a character in the host that no host has: " + std::string(text));
        c = base::lower(c);
    }
    if (!ends_in_number(host)) return host;
    auto address = ipv4(host);
    if (!address) return Failure("no IPv4 address: " + std::string(text));
    return *std::move(address);
}

}  // namespace starling::ws
