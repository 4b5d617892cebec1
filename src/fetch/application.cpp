#include "fetch/application.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/text.h"

namespace starling::fetch {

namespace {

constexpr uint64_t known_for_ms = 5'000;  // The same as CURLOPT_DNS_CACHE_TIMEOUT in Request.

bool is_set(const char* variable) {
    const char* const value = std::getenv(variable);
    return value && *value;
}

// libcurl ignores HTTP_PROXY, because CGI programs get the client's header field Proxy by that name.
bool has_proxy() { return is_set("http_proxy") || is_set("all_proxy") || is_set("ALL_PROXY"); }

bool is_ordinary(std::string_view host) {
    if (host.starts_with('[')) return true;
    return std::ranges::all_of(
        host, [](char c) { return base::is_alphanumeric(c) || c == '.' || c == '-' || c == '_'; });
}

}  // namespace

bool is_localhost(std::string_view host) noexcept {
    constexpr std::string_view name = "localhost";
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host.size() < name.size() || !base::iequals(host.substr(host.size() - name.size()), name))
        return false;
    return host.size() == name.size() || host[host.size() - name.size() - 1] == '.';
}

std::optional<std::string> plain_place(const Url& url, const std::string& unix_socket,
                                       bool loopback) {
    if (url.scheme != "http" || url.has_user) return {};
    if (!unix_socket.empty()) {
        if (!net::Address::parse("unix:" + unix_socket)) return {};
        return "unix:" + unix_socket;
    }
    if (!is_ordinary(url.host) || (!loopback && has_proxy())) return {};
    std::string place = url.host + ":" + url.port;
    std::ranges::transform(place, place.begin(), base::lower);
    if (url.host.starts_with('[') && !net::Address::parse(place)) return {};  // With a zone.
    return place;
}

Application::Application(std::string place, const Url& url)
    : place_(std::move(place)), port_(url.port) {
    const auto add = [&](const std::string& where) {
        if (const auto address = net::Address::parse(where)) addresses_.push_back(*address);
    };
    if (!place_.starts_with("unix:") && is_localhost(url.host)) {
        // RFC 6761 section 6.3. The order is that of libcurl.
        add("[::1]:" + port_);
        add("127.0.0.1:" + port_);
    } else {
        add(place_);
    }
    is_name_ = addresses_.empty();
}

bool Application::must_ask(uint64_t now_ms) noexcept {
    if (!is_name()) return false;
    if (addresses_.empty()) return true;
    if (now_ms < known_until_ms_ || asking_) return false;
    asking_ = true;
    return true;
}

void Application::resolved(const std::string& ip, uint64_t now_ms) {
    asking_ = false;
    addresses_.clear();
    preferred = 0;
    const bool v6 = ip.find(':') != std::string::npos;
    if (const auto address = net::Address::parse(v6 ? "[" + ip + "]:" + port_ : ip + ":" + port_);
        address && !ip.empty())
        addresses_.push_back(*address);
    known_until_ms_ = now_ms + known_for_ms;
}

}  // namespace starling::fetch
