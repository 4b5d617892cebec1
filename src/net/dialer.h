// net/dialer.h: opens connections outwards: looks the name up, races the addresses (RFC 8305), asks
// the proxy, shakes hands (TLS). The result is a net::Stream like those of the server.
//
//     net::Dialer dialer(loop, resolver);
//     dial_ = dialer.dial({.host = "example.com", .port = 443, .tls = context}, receiver);
//     void on_connected(net::Dialed dialed) {                        // receiver
//         net::Stream& stream = std::move(dialed).open(std::make_unique<MyHandler>());
//         stream.write(...);
//     }
//
// proxy/choice.h says which proxy a host has, and proxy/connect_tunnel.h makes the DialProxy.
//
// Owner: the caller owns the Dial, and destroys it before the Dialer, the Resolver and the Loop. A
//        Dial is of no more use after its one call. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/address.h"
#include "net/resolver.h"
#include "net/stream.h"
#include "net/tls_client.h"
#include "net/tunnel.h"

namespace starling::net {

class Loop;

struct DialError {
    enum class Kind : uint8_t {
        name,           // The name does not resolve; `text` says why.
        refused,        // The host answers, and nothing listens there.
        unreachable,    // No route to the host or to its network.
        timed_out,      // DialRequest::timeout_ms is over.
        failed,         // Another error of the kernel, or the peer closed during a handshake.
        proxy,          // The proxy does not open the way; see proxy_status.
        tls_expired,    // The certificate is not valid at this time.
        tls_host,       // The certificate names other hosts.
        tls_untrusted,  // The certificate is self-signed, or its issuer is not known.
        tls,            // Another failure of TLS.
    };
    Kind kind = Kind::failed;
    // For people, with the host: "cannot connect to example.com:443: [2001:db8::1]:443: network is
    // unreachable; 192.0.2.1:443: connection refused".
    std::string text = {};
    int proxy_status = 0;  // HTTP status of the proxy's answer; 0: none.
};

// The address that a host and port have by option, whatever the resolver says.
struct ResolveOverride {
    std::string host;   // As in the request; compared without case.
    uint16_t port = 0;  // 0: each port.
    // A port of 0 leaves the request's port.
    Address address;
};

struct DialProxy {
    std::string host;  // Like DialRequest::host.
    uint16_t port = 0;
    std::unique_ptr<Tunnel> tunnel;  // Never null.
};

struct DialRequest {
    // A name or a numeric address, IPv6 without brackets. With a proxy the proxy looks the name up.
    std::string host;
    uint16_t port = 0;
    // If not empty, the path of a Unix-domain socket; then the host is only for TLS, and no proxy
    // is used.
    std::string unix_path = {};
    std::shared_ptr<const TlsClientContext> tls = {};  // Null: without TLS.
    // The name that the certificate must bear and that is sent as SNI. "": the host.
    std::string server_name = {};
    std::unique_ptr<DialProxy> proxy = {};  // Null: none.
    std::vector<ResolveOverride> overrides = {};
    uint64_t timeout_ms = 30'000;  // For everything together, from dial() to the result.
};

// A connection that stands. Destroying it without open() closes the connection.
class Dialed {
public:
    Dialed(Dialed&&) noexcept;
    ~Dialed();

    // The handler gets the stream. Only during on_connected(). Throws std::bad_alloc.
    Stream& open(std::unique_ptr<StreamHandler> handler) &&;
    // The address that has won the race; with a proxy the proxy's.
    [[nodiscard]] const Address& address() const noexcept { return address_; }
    // The protocol that the server chose by ALPN; "": none, or no TLS.
    [[nodiscard]] const std::string& alpn() const noexcept { return alpn_; }
    // "TLSv1.3"; "": no TLS.
    [[nodiscard]] const std::string& tls_version() const noexcept { return tls_version_; }
    [[nodiscard]] bool tls_resumed() const noexcept { return tls_resumed_; }

private:
    friend class Dial;
    Dialed(Loop& loop, Address address) noexcept;

    Loop* loop_;
    Address address_;
    Descriptor fd_;                    // Without TLS.
    std::unique_ptr<KeptInput> kept_;  // What arrived after the proxy's answer.
    base::SlotKey stream_{};           // With TLS, if secure_.
    bool secure_ = false;
    bool tls_resumed_ = false;
    std::string alpn_, tls_version_;
};

class DialReceiver {
public:
    // Exactly one of the two is called, from the loop and never within Dialer::dial(). Both may
    // destroy the Dial, and an exception goes to Loop::on_escaped().
    virtual void on_connected(Dialed dialed) = 0;
    virtual void on_failed(const DialError& error) = 0;

protected:
    ~DialReceiver() = default;
};

// A connection on its way. Destroying it cancels it at any point: no call follows, and no
// descriptor stays open.
class Dial {
public:
    ~Dial();
    Dial(const Dial&) = delete;
    Dial& operator=(const Dial&) = delete;

private:
    friend class Dialer;
    class Impl;
    explicit Dial(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

class Dialer {
public:
    Dialer(Loop& loop, Resolver& resolver) noexcept : loop_(loop), resolver_(resolver) {}

    // The receiver must live as long as the Dial.
    [[nodiscard]] std::unique_ptr<Dial> dial(DialRequest request, DialReceiver& receiver);

private:
    Loop& loop_;
    Resolver& resolver_;
};

}  // namespace starling::net
