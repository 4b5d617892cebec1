#include "proxy/choice.h"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <initializer_list>
#include <utility>

#include "base/text.h"
#include "http/url.h"
#include "net/address.h"

namespace starling::proxy {
namespace {

constexpr uint16_t default_port = 1080;

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

std::string_view without_dot(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    return name;
}

bool is_in_domain(std::string_view host, std::string_view domain) {
    if (domain.starts_with('.')) domain.remove_prefix(1);
    domain = without_dot(domain);
    if (domain.empty() || host.size() < domain.size()) return false;
    const size_t before = host.size() - domain.size();
    return base::iequals(host.substr(before), domain) && (before == 0 || host[before - 1] == '.');
}

// The bytes of an IP address.
std::string_view bytes_of(const net::Address& address) {
    const auto* const at = reinterpret_cast<const char*>(address.data());
    if (address.family() == AF_INET) return {at + offsetof(sockaddr_in, sin_addr), sizeof(in_addr)};
    return {at + offsetof(sockaddr_in6, sin6_addr), sizeof(in6_addr)};
}

bool is_in_network(const net::Address& host, std::string_view network) {
    const size_t slash = network.find('/');
    const auto address = net::Address::numeric(network.substr(0, slash), 0);
    if (!address || address->family() != host.family()) return false;
    const std::string_view a = bytes_of(host), b = bytes_of(*address);
    size_t bits = a.size() * 8;
    if (slash != std::string_view::npos) {
        const auto length = number<size_t>(network.substr(slash + 1));
        if (!length || *length > bits) return false;
        bits = *length;
    }
    if (a.substr(0, bits / 8) != b.substr(0, bits / 8)) return false;
    if (bits % 8 == 0) return true;
    const auto differs = static_cast<unsigned char>(a[bits / 8] ^ b[bits / 8]);
    return differs >> (8 - bits % 8) == 0;
}

std::string_view unbracketed(std::string_view host) {
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        return host.substr(1, host.size() - 2);
    return host;
}

// The first of the variables that is set: its name and its value.
std::pair<const char*, std::string_view> first_set(const Environment& environment,
                                                   std::initializer_list<const char*> names) {
    for (const char* const name : names) {
        const char* const value = environment(name);
        if (value && *value) return {name, value};
    }
    return {};
}

base::Result<Credentials> parse_credentials(std::string_view text) {
    const size_t colon = text.find(':');
    auto user = http::percent_decode(text.substr(0, colon), http::Plus::literal);
    auto password = http::percent_decode(
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1),
        http::Plus::literal);
    if (!user || !password) return base::Failure("its user or password is not percent-encoded");
    return Credentials{*std::move(user), *std::move(password)};
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.") ||
           host == "::1";
}

}  // namespace

base::Result<Server> parse(std::string_view url) {
    if (const size_t scheme_end = url.find("://"); scheme_end != std::string_view::npos) {
        const std::string_view scheme = url.substr(0, scheme_end);
        if (!base::iequals(scheme, "http"))
            return base::Failure("only proxies with http:// are supported");
        url.remove_prefix(scheme_end + 3);
    }
    url = url.substr(0, url.find_first_of("/?#"));
    Server server;
    if (const size_t at = url.rfind('@'); at != std::string_view::npos) {
        auto credentials = parse_credentials(url.substr(0, at));
        if (!credentials) return base::Failure(credentials.error());
        server.credentials = *std::move(credentials);
        url.remove_prefix(at + 1);
    }
    server.port = default_port;
    const size_t bracket = url.find(']');
    const size_t colon = url.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon != std::string_view::npos) {
        const auto port = number<uint16_t>(url.substr(colon + 1));
        if (!port || *port == 0) return base::Failure("its port is not a number from 1 to 65535");
        server.port = *port;
    }
    const std::string_view host = url.substr(0, colon);
    server.host = unbracketed(host);
    const bool bracketed = server.host.size() != host.size();
    const bool valid = !server.host.empty() && std::ranges::all_of(server.host, [](char c) {
        return c > ' ' && c != 0x7f && c != '[' && c != ']';
    });
    const auto numeric = net::Address::numeric(server.host, 0);
    if (!valid || bracketed != (numeric && numeric->family() == AF_INET6))
        return base::Failure("it names no host");
    return server;
}

bool is_exempt(std::string_view host, std::string_view no_proxy) {
    if (no_proxy == "*") return true;
    host = without_dot(unbracketed(host));
    const auto address = net::Address::numeric(host, 0);
    constexpr std::string_view separators = ", \t";
    for (;;) {
        const size_t start = no_proxy.find_first_not_of(separators);
        if (start == std::string_view::npos) return false;
        no_proxy.remove_prefix(start);
        const std::string_view item = no_proxy.substr(0, no_proxy.find_first_of(separators));
        no_proxy.remove_prefix(item.size());
        const std::string_view name = unbracketed(item);
        if (address ? is_in_network(*address, name) : is_in_domain(host, name)) return true;
    }
}

base::Result<std::optional<Server>> choose(bool secure, std::string_view host,
                                           const std::optional<std::string>& option,
                                           const Environment& environment) {
    std::pair<const char*, std::string_view> found{"proxy", ""};
    if (option) {
        found.second = *option;
    } else {
        if (is_exempt(host, first_set(environment, {"no_proxy", "NO_PROXY"}).second))
            return std::optional<Server>();
        found = secure ? first_set(environment, {"https_proxy", "HTTPS_PROXY"})
                       : first_set(environment, {"http_proxy"});
        if (!found.first) found = first_set(environment, {"all_proxy", "ALL_PROXY"});
    }
    if (found.second.empty()) return std::optional<Server>();
    auto server = parse(found.second);
    if (!server) return base::Failure(std::string(found.first) + ": " + server.error());
    return std::optional<Server>(*std::move(server));
}

base::Result<std::optional<Server>> choose_for(bool secure, std::string_view host,
                                               const std::optional<std::string>& option,
                                               const Environment& environment) {
    if (!option && is_loopback(host)) return std::optional<Server>();
    return choose(secure, host, option, environment);
}

}  // namespace starling::proxy
