// ws/origin.h: decides which web pages may connect (RFC 6455 section 10.2, RFC 6454). Pure
// functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace starling::ws {

struct OriginPolicy {
    bool same_origin = true;  // Allow pages of this server.
    // Allowed are whole origins ("https://example.com", "http://localhost:3000"), the subdomains of
    // a domain ("https://*.example.com"), "null" or "file://" for pages without a host, and "*" for
    // any page. The schemes ws and wss count as http and https.
    std::vector<std::string> allowed;
};

// `origin`: the Origin header. "" is allowed: a client without that header is no browser. `host`:
// the Host header. `secure`: the connection uses TLS; without it a proxy may have ended TLS, so the
// scheme of the origin is not compared.
[[nodiscard]] bool origin_allowed(const OriginPolicy& policy, std::string_view origin,
                                  std::string_view host, bool secure) noexcept;

// True: one of `allowed`, in the format of OriginPolicy::allowed, is or contains `origin`.
[[nodiscard]] bool origin_listed(const std::vector<std::string>& allowed,
                                 std::string_view origin) noexcept;

// True: `pattern` is valid in OriginPolicy::allowed. For the check of a configuration.
[[nodiscard]] bool origin_pattern_is_valid(std::string_view pattern) noexcept;

}  // namespace starling::ws
