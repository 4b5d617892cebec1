// net/host_name.h: rules for host names. Pure functions, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::net {

// True for a name that DNS can hold: labels of 1 to 63 letters, digits, '-' and '_', 253 bytes in
// all (RFC 1035 section 2.3.4), with or without a dot at the end. Other alphabets come as "xn--".
[[nodiscard]] bool is_host_name(std::string_view host) noexcept;

// "localhost" and every name below it (RFC 6761 section 6.3), which no name server is asked for.
[[nodiscard]] bool is_localhost(std::string_view host) noexcept;

// The full names to ask for, in order, as resolv.conf(5) says: a name with at least `ndots` dots is
// first asked for as it is, another one last; a name that ends with a dot is complete.
[[nodiscard]] std::vector<std::string> names_to_ask(std::string_view host,
                                                    std::span<const std::string> search_domains,
                                                    size_t ndots);

}  // namespace starling::net
