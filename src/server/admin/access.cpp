#include "server/admin/access.h"

#include <arpa/inet.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/base64.h"
#include "base/text.h"
#include "peer/client_network.h"
#include "peer/local.h"

namespace starling::server {
namespace {

bool is_address(std::string_view host) {
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    const std::string text(host);
    in6_addr bytes{};
    return ::inet_pton(AF_INET, text.c_str(), &bytes) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), &bytes) == 1;
}

// The password of "Authorization: Basic", RFC 7617.
std::string basic_password(const http::Request& request) {
    const std::string_view field = request.header("authorization");
    constexpr std::string_view scheme = "basic ";
    if (field.size() < scheme.size() || !base::iequals(field.substr(0, scheme.size()), scheme))
        return {};
    std::string pair;
    if (!base::base64_decode(base::trim(field.substr(scheme.size())), pair)) return {};
    const size_t colon = pair.find(':');
    return colon == std::string::npos ? std::string() : pair.substr(colon + 1);
}

// A page of the admin listener itself sends its own scheme and Host.
bool is_own_origin(const http::Request& request) {
    const std::string_view origin = request.header("origin");
    const size_t scheme = origin.find("://");
    if (scheme == std::string_view::npos) return false;
    return base::iequals(origin.substr(scheme + 3), request.host());
}

bool is_json(const http::Request& request) noexcept {
    const std::string_view type = request.header("content-type");
    return base::iequals(base::trim(type.substr(0, type.find(';'))), "application/json");
}

// A program on this machine: the key of /metrics keeps nothing from it. What a proxy on this machine
// passes on is another matter, unless it hides that it is one.
bool asks_for_metrics_here(const http::Request& request) {
    return request.method() == "GET" && request.path() == "/metrics" && !request.proxied() &&
           peer::is_loopback(request.remote_address()) &&
           !peer::tell_of_another_peer(request.headers());
}

}  // namespace

std::string_view host_without_port(std::string_view host) noexcept {
    if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
    return host.substr(0, host.find(':'));
}

bool listens_locally(std::string_view address) {
    if (address.starts_with("unix:")) return true;
    std::string_view host = address.substr(0, address.rfind(':'));
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    if (base::iequals(host, "localhost")) return true;
    return !host.empty() && peer::is_loopback(host);
}

AdminAccess::AdminAccess(const std::string& key, std::vector<std::string> hosts, Metrics metrics)
    : key_(std::in_place, std::span(&key, 1)), hosts_(std::move(hosts)), metrics_(metrics) {}

void AdminAccess::change_key(const std::string& key) {
    key_.replace(std::make_unique<const auth::ApiKeys>(std::span(&key, 1)));
}

bool AdminAccess::is_own_host(std::string_view host) const {
    const std::string_view name = host_without_port(host);
    if (base::iequals(name, "localhost") || is_address(name)) return true;
    return std::ranges::any_of(hosts_, [&](const auto& own) { return base::iequals(own, name); });
}

std::optional<AdminAccess::Refusal> AdminAccess::check(const http::Request& request,
                                                       uint64_t now_ms) {
    if (request.remote_address() == "unknown")
        return Refusal{Why::peer_left, 403, "the peer has left: nothing tells who it was"};
    if (!is_own_host(request.host()))
        return Refusal{Why::host, 403,
                       "this Host is not one of the admin listener: see admin.hosts"};
    if (request.has_header("origin") && !is_own_origin(request))
        return Refusal{Why::origin, 403, "pages of other sites may not use the admin listener"};
    const std::string_view method = request.method();
    if (method != "GET" && method != "HEAD" && !is_json(request))
        return Refusal{Why::type, 415, "Content-Type: application/json is wanted"};
    return check_key(request, now_ms);
}

std::optional<AdminAccess::Refusal> AdminAccess::check_key(const http::Request& request,
                                                           uint64_t now_ms) {
    if (metrics_ == Metrics::open && asks_for_metrics_here(request)) return std::nullopt;
    const auto address = peer::ClientNetwork::of(request.remote_address());
    if (const uint64_t left_ms = attempts_.wait_of(address, now_ms))
        return Refusal{Why::waits, 429, "too many wrong keys from this address",
                       (left_ms + 999) / 1000};
    const std::string password = basic_password(request);
    const std::string_view given = password.empty() ? auth::api_key_of(request) : password;
    if (given.empty()) return Refusal{Why::no_key, 401, "a key is needed"};
    if (key_->contain(given)) {
        attempts_.right(address);
        return std::nullopt;
    }
    attempts_.wrong(address, now_ms);
    return Refusal{Why::wrong_key, 401, "the key is wrong"};
}

}  // namespace starling::server
