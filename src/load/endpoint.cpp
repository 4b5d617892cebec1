#include "load/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "net/dialer.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "proxy/choice.h"
#include "proxy/connect_tunnel.h"
#include "ws/client_url.h"

namespace starling::load {
namespace {

using base::Failure;

constexpr uint32_t sources_max = 10'000, loopback_sources = 64;

Failure<EndpointError> wrong(std::string text) {
    return Failure(EndpointError{true, {Fault::Kind::local, 0, std::move(text)}});
}

Fault fault_of(const net::DialError& error) {
    using Kind = net::DialError::Kind;
    switch (error.kind) {
        case Kind::name:
        case Kind::unreachable: return {Fault::Kind::unreachable, 0, error.text};
        case Kind::refused: return {Fault::Kind::refused, 0, error.text};
        case Kind::timed_out: return {Fault::Kind::timeout, 0, error.text};
        default: return {Fault::Kind::local, 0, error.text};
    }
}

// Opens one connection, keeps its address, and closes the connection.
class Probe final : public net::DialReceiver {
public:
    base::Result<net::Address, EndpointError> run(const std::string& host, uint16_t port,
                                                  double seconds) {
        net::Dialer dialer(loop_, *resolver_);
        net::DialRequest request;
        request.host = host;
        request.port = port;
        request.timeout_ms = static_cast<uint64_t>(seconds * 1000) + 1;
        const auto dial = dialer.dial(std::move(request), *this);
        while (!address_ && !fault_) loop_.run_once(1000);
        if (fault_) return Failure(EndpointError{false, *fault_});
        return *address_;
    }
    void on_connected(net::Dialed dialed) override { address_ = dialed.address(); }
    void on_failed(const net::DialError& error) override { fault_ = fault_of(error); }

private:
    net::Loop loop_;
    std::unique_ptr<net::Resolver> resolver_ = net::make_system_resolver(loop_);
    std::optional<net::Address> address_;
    std::optional<Fault> fault_;
};

std::optional<net::Address> unix_address(const std::string& path) {
    sockaddr_storage storage{};
    auto& unix_storage = reinterpret_cast<sockaddr_un&>(storage);
    if (path.size() >= sizeof unix_storage.sun_path) return {};
    unix_storage.sun_family = AF_UNIX;
    std::memcpy(unix_storage.sun_path, path.c_str(), path.size() + 1);
    return net::Address::from(storage, sizeof unix_storage);
}

base::Result<net::Address, EndpointError> address_of(const std::string& host, uint16_t port,
                                                     double timeout_seconds) {
    if (const auto numeric = net::Address::numeric(host, port)) return *numeric;
    return Probe().run(host, port, timeout_seconds);
}

bool is_loopback4(const net::Address& address) {
    if (address.family() != AF_INET) return false;
    const auto* const ip = reinterpret_cast<const sockaddr_in*>(address.data());
    return ntohl(ip->sin_addr.s_addr) >> 24U == 127;
}

// nullopt: a source is of another family than the server.
std::optional<std::vector<net::Address>> sources_of(const Plan& plan, const net::Address& server) {
    std::vector<net::Address> found;
    if (server.is_unix()) return found;
    std::vector<std::string> wanted = plan.sources;
    if (wanted.empty() && is_loopback4(server))
        for (uint32_t i = 1; i <= loopback_sources; ++i)
            wanted.push_back("127.0.0." + std::to_string(i));
    for (const std::string& source : wanted) {
        const auto address = net::Address::numeric(source, 0);
        if (!address || address->family() != server.family()) return {};
        found.push_back(*address);
    }
    return found;
}

std::optional<uint32_t> ipv4(const std::string& text) {
    in_addr address{};
    if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return {};
    return ntohl(address.s_addr);
}

std::string text_of(uint32_t ip) {
    const in_addr address{htonl(ip)};
    char text[INET_ADDRSTRLEN];
    return ::inet_ntop(AF_INET, &address, text, sizeof text);
}

}  // namespace

base::Result<Endpoint, EndpointError> find_endpoint(const Plan& plan, std::string_view url_text) {
    auto url = ws::parse_client_url(url_text);
    if (!url) return wrong(url.error());
    Endpoint endpoint;
    endpoint.upgrade = {.host = url->host_field(),
                        .target = url->target,
                        .origin = plan.origin,
                        .protocols = plan.protocols,
                        .authorization = url->authorization,
                        .headers = plan.headers};
    endpoint.upgrade.deflate.enabled = plan.compress;
    if (url->secure) {
        net::TlsClientOptions options;
        options.verify = plan.verify;
        options.ca_path = plan.ca_path;
        options.alpn = {"http/1.1"};
        options.sessions_max = 0;  // Each handshake is a whole one.
        auto context = net::TlsClientContext::make(options);
        if (!context) return wrong("TLS: " + context.error());
        endpoint.tls = *std::move(context);
        endpoint.tls_host = url->host;
    }
    if (!url->unix_path.empty()) {
        const auto address = unix_address(url->unix_path);
        if (!address) return wrong("the path of the Unix-domain socket is too long");
        endpoint.address = *address;
    } else {
        auto proxy = proxy::choose_for(url->secure, url->host, plan.proxy,
                                       [](const char* name) { return std::getenv(name); });
        if (!proxy) return wrong(proxy.error());
        if (*proxy) {
            auto request = proxy::connect_request(url->host, url->port, (*proxy)->credentials);
            if (!request) return wrong(request.error());
            endpoint.tunnel = [text = *std::move(request)] { return proxy::make_tunnel(text); };
        }
        auto found = *proxy ? address_of((*proxy)->host, (*proxy)->port, plan.timeout_seconds)
                            : address_of(url->host, url->port, plan.timeout_seconds);
        if (!found) return Failure(found.error());
        endpoint.address = *found;
    }
    auto sources = sources_of(plan, endpoint.address);
    if (!sources) return wrong("--sources: of another family than the server's address");
    endpoint.sources = *std::move(sources);
    return endpoint;
}

std::string wrong_url(std::string_view url) {
    const auto parsed = ws::parse_client_url(url);
    return parsed ? std::string() : parsed.error();
}

base::Result<std::vector<std::string>> parse_sources(std::string_view text) {
    std::vector<std::string> list;
    const Failure<std::string> failure("must be addresses, as 10.0.0.1 or 10.0.0.1-10.0.0.64");
    while (true) {
        const size_t comma = text.find(',');
        const std::string item(text.substr(0, comma));
        const size_t dash = item.find('-');
        if (dash != std::string::npos) {
            const auto first = ipv4(item.substr(0, dash)), last = ipv4(item.substr(dash + 1));
            if (!first || !last || *last < *first || *last - *first >= sources_max) return failure;
            for (uint32_t i = 0; i <= *last - *first; ++i) list.push_back(text_of(*first + i));
        } else if (net::Address::numeric(item, 0)) {
            list.push_back(item);
        } else {
            return failure;
        }
        if (list.size() > sources_max) return Failure(std::string("more than 10,000 addresses"));
        if (comma == std::string_view::npos) return list;
        text.remove_prefix(comma + 1);
    }
}

}  // namespace starling::load
