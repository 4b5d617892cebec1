#include "app/config/checks.h"

#include "base/text.h"
#include "base/tokens.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>

namespace starling::app {
namespace {

constexpr size_t route_path_bytes_max = 200;

bool is_port(std::string_view text) noexcept {
    unsigned port = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port <= 65535;
}

bool is_ip(int family, std::string_view text) {
    in6_addr address;
    return ::inet_pton(family, std::string(text).c_str(), &address) == 1;
}

// scheme://host[:port], RFC 6454 section 6.2: no path, no user information, nothing after the port.
bool is_origin(std::string_view text, bool wildcard) noexcept {
    const size_t colon = text.find("://");
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string_view scheme = text.substr(0, colon);
    std::string_view host = text.substr(colon + 3);
    const bool scheme_fits = std::ranges::all_of(scheme, [](char c) {
        return base::is_alphanumeric(c) || c == '+' || c == '-' || c == '.';
    });
    if (wildcard && host.starts_with("*.")) host.remove_prefix(2);
    const bool ipv6 = host.starts_with('[') && host.find(']') != std::string_view::npos;
    const size_t port = host.find(':', ipv6 ? host.find(']') : 0);
    const std::string_view name = host.substr(0, port);
    if (port != std::string_view::npos && !is_port(host.substr(port + 1))) return false;
    if (ipv6) return scheme_fits && is_ip(AF_INET6, name.substr(1, name.size() - 2));
    return scheme_fits && !name.empty() && std::ranges::all_of(name, [](char c) {
               return base::is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
           });
}

}  // namespace

std::optional<std::string> check_address(std::string_view text) {
    if (text.starts_with("unix:")) {
        const std::string_view path = text.substr(5);
        if (!path.empty() && path.size() < sizeof(sockaddr_un::sun_path)) return std::nullopt;
        return "must be a path of 1 to " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
               " bytes behind 'unix:'";
    }
    const size_t colon = text.rfind(':');
    const std::string_view host = text.substr(0, colon);
    bool fits = colon != std::string_view::npos && is_port(text.substr(colon + 1));
    if (host.starts_with('[') && host.ends_with(']') && host.size() > 2)
        fits = fits && is_ip(AF_INET6, host.substr(1, host.size() - 2));
    else
        fits = fits && (host.empty() || host == "*" || host == "localhost" || is_ip(AF_INET, host));
    if (fits) return std::nullopt;
    return "must be an address like 127.0.0.1:8080, [::1]:8080, :8080 or unix:/path";
}

std::optional<std::string> check_optional_address(std::string_view text) {
    return text.empty() ? std::nullopt : check_address(text);
}

std::optional<std::string> check_route_path(std::string_view text) {
    const bool fits = text.starts_with('/') && text.size() <= route_path_bytes_max &&
                      text.find_first_of("?# ") == std::string_view::npos;
    if (!fits) {
        return "must be a path like /echo of at most " + std::to_string(route_path_bytes_max) +
               " bytes";
    }
    if (text == "/healthz" || text == "/readyz")
        return "must be another path: this one is reserved";
    return std::nullopt;
}

std::optional<std::string> check_token(std::string_view text) {
    if (base::is_token(text)) return std::nullopt;
    return "must be a token: letters, digits and !#$%&'*+-.^_`|~";
}

std::optional<std::string> check_api_key(std::string_view text) {
    // A header field carries neither (RFC 9110 section 5.5).
    if (!text.empty() && text == base::trim(text)) return std::nullopt;
    return "must be a key, without blanks at its ends";
}

std::optional<std::string> check_cors_origin(std::string_view text) {
    if (text == "*" || text == "null" || is_origin(text, false)) return std::nullopt;
    return "must be an origin like https://example.com, or *";
}

std::optional<std::string> check_cluster_mode(std::string_view text) {
    if (text == "native" || text == "classic" || text == "sharded" || text == "streams")
        return std::nullopt;
    return "must be native, classic, sharded or streams";
}

std::optional<std::string> check_cluster_subscriptions(std::string_view text) {
    if (text == "static" || text == "dynamic" || text == "dynamic-private") return std::nullopt;
    return "must be static, dynamic or dynamic-private";
}

std::optional<std::string> check_admin_ui_mode(std::string_view text) {
    if (text == "production" || text == "development") return std::nullopt;
    return "must be production or development";
}

std::optional<std::string> check_ws_origin(std::string_view text) {
    // Browsers send "null" for pages without an origin; WebViews send "file://" for pages from
    // files.
    if (text == "*" || text == "null" || text == "file://" || is_origin(text, true))
        return std::nullopt;
    return "must be an origin like https://example.com or https://*.example.com, or *";
}

}  // namespace starling::app
