// http/host_table.h: finds the site of a host name (RFC 9110 section 7.2): exact names and wildcards.
//
// Owner: the server's sites. Built before the workers run. Thread: find() on any.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace starling::http {

constexpr size_t host_bytes_max = 253;  // RFC 1035 section 2.3.4, without the dot of the root.

// A host in the form in which names are compared: lower case, without port and without a dot at its
// end. An IPv6 address keeps its brackets.
class HostName {
public:
    // `host` is a valid Host field or SNI name. Nothing: it is too long, or names no host.
    [[nodiscard]] static std::optional<HostName> of(std::string_view host) noexcept;
    [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data(), size_}; }

private:
    std::array<char, host_bytes_max> bytes_;
    size_t size_ = 0;
};

// Nothing: `text` is a name ("example.com"), a wildcard ("*.example.com") or an address
// ("192.0.2.1", "[2001:db8::1]"), without a port. Otherwise what is wrong.
[[nodiscard]] std::optional<std::string> fault_of_host(std::string_view text);

class HostTable {
public:
    // Throws std::invalid_argument for a malformed name, and for a name that was added before.
    void add(std::string_view host, int site);
    // As add() for each of `hosts`. If one is refused, none is added.
    void add_all(std::span<const std::string> hosts, int site);
    // The site of the exact name; else that of the longest wildcard. Nothing: no name matches.
    [[nodiscard]] std::optional<int> find(std::string_view host) const noexcept;

private:
    using Names = std::map<std::string, int, std::less<>>;

    // The map in which a valid `host` belongs. Removes the star of a wildcard.
    [[nodiscard]] Names& names_of(std::string_view& host) noexcept;
    void remove(std::string_view host) noexcept;

    Names exact_;
    Names beneath_;  // "example.com" for "*.example.com".
};

}  // namespace starling::http
