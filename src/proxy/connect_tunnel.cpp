#include "proxy/connect_tunnel.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "http/response_reader.h"
#include "net/address.h"
#include "net/host_name.h"

namespace starling::proxy {
namespace {

using http::ResponseEvent;
using http::ResponseReader;

constexpr uint16_t status_authentication_required = 407;

class ConnectTunnel final : public net::Tunnel {
public:
    explicit ConnectTunnel(std::string request)
        : request_(std::move(request)), reader_(http::ResponseLimits{}) {
        reader_.begin(ResponseReader::Method::connect);
    }

    std::string_view request() const noexcept override { return request_; }

    // A refusal is known from its head; the body is not read, because the connection is of no use.
    Step on_bytes(std::span<const std::byte>& input) override {
        const ResponseEvent event = reader_.next(input);
        if (event.kind == ResponseEvent::Kind::need_more) return Step::more;
        if (event.kind == ResponseEvent::Kind::head && reader_.head().switched &&
            reader_.head().status != 101)
            return Step::open;
        return Step::failed;
    }

    Failure failure() const override {
        if (reader_.fault() != http::ResponseFault::none)
            return {"the proxy's answer is not HTTP: " + std::string(reader_.reason()),
                    reader_.status()};
        const uint16_t status = reader_.head().status;
        std::string text = "the proxy answered " + std::to_string(status);
        if (status == status_authentication_required) text += " (it wants a user and a password)";
        // What the proxy says besides is for people, and may be anything.
        std::string reason(reader_.head().reason.substr(0, reason_bytes_max));
        std::ranges::replace_if(
            reason, [](char c) { return c < ' ' || c > '~'; }, '?');
        if (!reason.empty()) text += ": " + reason;
        return {std::move(text), status};
    }

private:
    static constexpr size_t reason_bytes_max = 100;

    const std::string request_;
    ResponseReader reader_;
};

}  // namespace

base::Result<std::string> connect_request(std::string_view host, uint16_t port,
                                          const std::optional<Credentials>& credentials) {
    const auto address = net::Address::numeric(host, port);
    if (!address && !net::is_host_name(host))
        return base::Failure("proxy: it is asked for what is no host name");
    const bool v6 = address && address->family() == AF_INET6;
    const std::string authority =
        (v6 ? "[" + address->ip() + "]" : std::string(host)) + ":" + std::to_string(port);
    std::string request = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
    if (credentials) {
        // RFC 7617 section 2: the first colon ends the user.
        if (credentials->user.find(':') != std::string::npos)
            return base::Failure("proxy: its user holds a colon");
        request += "Proxy-Authorization: Basic ";
        base::base64_append(request, credentials->user + ":" + credentials->password);
        request += "\r\n";
    }
    return request + "\r\n";
}

std::unique_ptr<net::Tunnel> make_tunnel(std::string request) {
    return std::make_unique<ConnectTunnel>(std::move(request));
}

base::Result<std::unique_ptr<net::DialProxy>> dial_through(const Server& server,
                                                           std::string_view host, uint16_t port) {
    auto request = connect_request(host, port, server.credentials);
    if (!request) return base::Failure(request.error());
    auto proxy = std::make_unique<net::DialProxy>();
    proxy->host = server.host;
    proxy->port = server.port;
    proxy->tunnel = make_tunnel(*std::move(request));
    return proxy;
}

}  // namespace starling::proxy
