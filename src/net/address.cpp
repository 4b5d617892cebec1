#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "base/assert.h"

namespace starling::net {
namespace {

std::optional<uint16_t> parse_port(std::string_view text) {
    uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
    return port;
}

base::Result<Address> parse_unix(std::string_view path) {
    sockaddr_storage storage{};
    auto& unix_address = reinterpret_cast<sockaddr_un&>(storage);
    if (path.empty() || path.size() >= sizeof(unix_address.sun_path))
        return base::Failure("a Unix-domain socket wants a path of 1 to 107 bytes");
    unix_address.sun_family = AF_UNIX;
    std::memcpy(unix_address.sun_path, path.data(), path.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return Address::from(storage, length);
}

}  // namespace

Address Address::from(const sockaddr_storage& storage, socklen_t length) noexcept {
    STARLING_ASSERT(length <= sizeof storage);
    Address address;
    address.storage_ = storage;
    address.length_ = length;
    return address;
}

base::Result<Address> Address::parse(std::string_view text) {
    if (text.starts_with("unix:")) return parse_unix(text.substr(5));
    const size_t colon = text.rfind(':');
    const auto port =
        colon == std::string_view::npos ? std::nullopt : parse_port(text.substr(colon + 1));
    if (!port) return base::Failure("want ADDRESS:PORT, [IPV6]:PORT, :PORT or unix:PATH");
    std::string host(text.substr(0, colon));
    if (host.empty() || host == "*") host = "0.0.0.0";
    if (host == "localhost") host = "127.0.0.1";
    sockaddr_storage storage{};
    if (host.front() == '[' && host.back() == ']') {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(*port);
        if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) == 1)
            return from(storage, sizeof(sockaddr_in6));
    } else {
        auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(*port);
        if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1)
            return from(storage, sizeof(sockaddr_in));
    }
    return base::Failure("'" + host + "' is not a numeric address");
}

std::optional<Address> Address::numeric(std::string_view host, uint16_t port) {
    if (host.find('\0') != std::string_view::npos) return {};
    sockaddr_storage storage{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    if (inet_pton(AF_INET, std::string(host).c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        return from(storage, sizeof(sockaddr_in));
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    const size_t percent = host.find('%');
    if (inet_pton(AF_INET6, std::string(host.substr(0, percent)).c_str(), &v6.sin6_addr) != 1)
        return {};
    if (percent != std::string_view::npos) {  // RFC 4007 section 11.
        v6.sin6_scope_id = ::if_nametoindex(std::string(host.substr(percent + 1)).c_str());
        if (v6.sin6_scope_id == 0) return {};
    }
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return from(storage, sizeof(sockaddr_in6));
}

uint16_t Address::port() const noexcept {
    if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
    if (family() == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6&>(storage_).sin6_port);
    return 0;
}

void Address::set_port(uint16_t port) noexcept {
    if (family() == AF_INET) reinterpret_cast<sockaddr_in&>(storage_).sin_port = htons(port);
    if (family() == AF_INET6) reinterpret_cast<sockaddr_in6&>(storage_).sin6_port = htons(port);
}

std::string Address::path() const {
    STARLING_ASSERT(is_unix());
    return reinterpret_cast<const sockaddr_un&>(storage_).sun_path;
}

// inet_ntop() goes through sprintf(): 3,500 instructions for each accepted connection.
std::string ipv4_text(uint32_t address) {
    std::array<char, INET_ADDRSTRLEN> text;
    char* end = text.data();
    for (const unsigned char part : std::bit_cast<std::array<unsigned char, 4>>(address)) {
        if (end != text.data()) *end++ = '.';
        end = std::to_chars(end, text.data() + text.size(), static_cast<unsigned>(part)).ptr;
    }
    return {text.data(), end};
}

std::string Address::ip() const {
    if (family() == AF_INET)
        return ipv4_text(reinterpret_cast<const sockaddr_in&>(storage_).sin_addr.s_addr);
    if (family() != AF_INET6) return is_unix() ? "unix" : "unknown";
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr, text,
              sizeof text);
    return text;
}

std::string Address::to_string() const {
    if (is_unix()) return "unix:" + path();
    const std::string host = family() == AF_INET6 ? "[" + ip() + "]" : ip();
    return host + ":" + std::to_string(port());
}

}  // namespace starling::net
