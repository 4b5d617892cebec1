#include "ws/origin.h"

#include <algorithm>
#include <optional>

#include "base/tokens.h"

namespace starling::ws {

namespace {

struct Origin {
    std::string_view scheme;
    std::string_view host;
    unsigned port;
};

unsigned default_port(std::string_view scheme) noexcept {
    if (base::iequals(scheme, "https")) return 443;
    if (base::iequals(scheme, "http")) return 80;
    return 0;
}

bool is_host_char(char c, bool wildcard) noexcept {
    return base::is_digit(c) || (base::lower(c) >= 'a' && base::lower(c) <= 'z') || c == '.' ||
           c == '-' || c == '_' || (wildcard && c == '*');
}

bool is_host(std::string_view host, bool wildcard) noexcept {
    if (host.empty()) return false;
    if (host.front() == '[') {
        if (host.size() < 4 || host.back() != ']') return false;
        return std::all_of(host.begin() + 1, host.end() - 1, [](char c) {
            return base::is_digit(c) || (base::lower(c) >= 'a' && base::lower(c) <= 'f') ||
                   c == ':' || c == '.';
        });
    }
    return std::ranges::all_of(host, [=](char c) { return is_host_char(c, wildcard); });
}

// Parses host [":" port], as in a Host header.
std::optional<Origin> parse_authority(std::string_view scheme, std::string_view text,
                                      bool wildcard = false) noexcept {
    Origin origin{scheme, text, default_port(scheme)};
    const size_t bracket = text.rfind(']');
    const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon != std::string_view::npos) {
        origin.host = text.substr(0, colon);
        const std::string_view digits = text.substr(colon + 1);
        if (digits.empty() || digits.size() > 5) return std::nullopt;
        origin.port = 0;
        for (const char c : digits) {
            if (!base::is_digit(c)) return std::nullopt;
            origin.port = origin.port * 10 + static_cast<unsigned>(c - '0');
        }
        if (origin.port == 0 || origin.port > 65535) return std::nullopt;
    }
    if (!is_host(origin.host, wildcard)) return std::nullopt;
    return origin;
}

// Some clients send the WebSocket's scheme instead of their page's.
std::string_view page_scheme(std::string_view scheme) noexcept {
    if (base::iequals(scheme, "ws")) return "http";
    if (base::iequals(scheme, "wss")) return "https";
    return scheme;
}

// Origins without a host: "null" of files and sandboxed frames, and "file://" of files in a
// WebView.
bool is_hostless(std::string_view origin) noexcept {
    return origin == "null" || base::iequals(origin, "file://");
}

std::optional<Origin> parse_origin(std::string_view text, bool wildcard = false) noexcept {
    const size_t separator = text.find("://");
    if (separator == std::string_view::npos || separator == 0) return std::nullopt;
    return parse_authority(page_scheme(text.substr(0, separator)), text.substr(separator + 3),
                           wildcard);
}

bool same(const Origin& a, const Origin& b) noexcept {
    return a.port == b.port && base::iequals(a.scheme, b.scheme) && base::iequals(a.host, b.host);
}

bool matches(const Origin& pattern, const Origin& origin) noexcept {
    if (!pattern.host.starts_with("*.")) return same(pattern, origin);
    const std::string_view domain =
        pattern.host.substr(1);  // With the leading dot, so that evilexample.com does not match.
    return pattern.port == origin.port && base::iequals(pattern.scheme, origin.scheme) &&
           origin.host.size() > domain.size() &&
           base::iequals(origin.host.substr(origin.host.size() - domain.size()), domain);
}

std::string_view web_scheme(const Origin& origin) noexcept {
    return base::iequals(origin.scheme, "https") ? "https" : "http";
}

}  // namespace

bool origin_allowed(const OriginPolicy& policy, std::string_view origin, std::string_view host,
                    bool secure) noexcept {
    if (origin.empty()) return true;
    const auto parsed = parse_origin(origin);
    if (policy.same_origin && parsed) {
        // A proxy may end TLS, so on a plain connection the scheme of the page's origin is taken.
        // On a TLS connection a page of http is a foreign origin.
        const auto own = parse_authority(secure ? "https" : web_scheme(*parsed), host);
        if (own && same(*own, *parsed)) return true;
    }
    return origin_listed(policy.allowed, origin);
}

bool origin_listed(const std::vector<std::string>& allowed, std::string_view origin) noexcept {
    const auto parsed = parse_origin(origin);
    return std::ranges::any_of(allowed, [&](const std::string& entry) {
        if (entry == "*") return true;
        if (is_hostless(entry)) return base::iequals(entry, origin);
        const auto pattern = parse_origin(entry, true);
        return parsed && pattern && matches(*pattern, *parsed);
    });
}

bool origin_pattern_is_valid(std::string_view pattern) noexcept {
    if (pattern == "*" || is_hostless(pattern)) return true;
    const auto parsed = parse_origin(pattern, true);
    if (!parsed) return false;
    const size_t star = parsed->host.rfind('*');
    if (star == std::string_view::npos) return true;
    return star == 0 && parsed->host.size() > 2 && parsed->host[1] == '.';
}

}  // namespace starling::ws
