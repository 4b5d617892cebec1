// ws/origin.h: which web pages may connect (RFC 6455 section 10.2, RFC 6454). Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace starling::ws {

struct OriginPolicy {
    bool same_origin = true;  // Pages of this very server.
    // Whole origins ("https://example.com", "http://localhost:3000"), whole domains without the domain
    // itself ("https://*.example.com"), "null" or "file://" for pages without a host, or "*": any page
    // in the world, which must be written. The schemes ws and wss count as http and https.
    std::vector<std::string> allowed;
};

// `origin`: the Origin header; "" without one: such a client is no browser, and is allowed.
// `host`: the Host header. `secure`: the connection is TLS; otherwise TLS may end at a proxy in front,
// and the scheme of the origin is not judged.
[[nodiscard]] bool origin_allowed(const OriginPolicy& policy, std::string_view origin,
                                  std::string_view host, bool secure) noexcept;

// May this stand in OriginPolicy::allowed? For configuration errors.
[[nodiscard]] bool origin_pattern_is_valid(std::string_view pattern) noexcept;

}  // namespace starling::ws
