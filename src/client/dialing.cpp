#include "client/dialing.h"

#include <cstdlib>
#include <utility>

#include "proxy/choice.h"
#include "proxy/connect_tunnel.h"

namespace starling::client {
namespace {

using base::Failure;

// "127.0.0.1:8080", "[::1]:443", or an address without a port, which leaves the URL's port.
base::Result<net::ResolveOverride> override_of(const ResolveOverride& option) {
    if (auto address = net::Address::numeric(option.address, 0))
        return net::ResolveOverride{option.host, option.port, *address};
    auto address = net::Address::parse(option.address);
    if (!address) return Failure("resolve: " + address.error());
    return net::ResolveOverride{option.host, option.port, *address};
}

}  // namespace

base::Result<std::shared_ptr<const net::TlsClientContext>> TlsContexts::of(
    const ClientTls& options) {
    auto& context = contexts_[{options.verify, options.ca_path, options.certificate, options.key}];
    if (context) return context;
    net::TlsClientOptions wanted;
    wanted.verify = options.verify;
    wanted.ca_path = options.ca_path;
    wanted.certificate = {options.certificate, options.key};
    wanted.alpn = {"http/1.1"};  // RFC 6455 is HTTP/1.1; HTTP/2 has another handshake (RFC 8441).
    auto made = net::TlsClientContext::make(wanted);
    if (made) context = *made;
    return made;
}

base::Result<net::DialRequest> dial_request(const ws::ClientUrl& url,
                                            const WebSocketOptions& options,
                                            TlsContexts& contexts) {
    net::DialRequest request;
    request.host = url.host;
    request.port = url.port;
    request.unix_path = url.unix_path;
    if (url.secure) {
        auto context = contexts.of(options.tls);
        if (!context) return Failure("tls: " + context.error());
        request.tls = *std::move(context);
        request.server_name = options.tls.server_name;
    }
    for (const ResolveOverride& option : options.resolve) {
        auto made = override_of(option);
        if (!made) return Failure(made.error());
        request.overrides.push_back(*std::move(made));
    }
    if (!url.unix_path.empty()) return request;
    auto proxy = proxy::choose_for(url.secure, url.host, options.proxy,
                                   [](const char* name) { return std::getenv(name); });
    if (!proxy) return Failure(proxy.error());
    if (!*proxy) return request;
    auto way = proxy::dial_through(**proxy, url.host, url.port);
    if (!way) return Failure(way.error());
    request.proxy = *std::move(way);
    return request;
}

}  // namespace starling::client
