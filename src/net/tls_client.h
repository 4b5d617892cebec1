// net/tls_client.h: the client's side of TLS 1.2 and 1.3: the authorities to trust, the client's own
// certificate, the sessions that can be resumed. TlsSession (net/tls.h) is one connection in either
// role.
//
// By default the server's certificate must be valid, lead to an authority of the system's store,
// and name the host (RFC 6125) or the IP address.
//
// Thread: a context may be shared by threads; the sessions that it keeps have a lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/tls.h"

struct ssl_session_st;

namespace starling::net {

struct TlsClientOptions {
    // False: any certificate of any server is accepted, so that anyone on the way can read and
    // change everything. For tests alone.
    bool verify = true;
    // PEM file with the authorities to trust, in place of the system's store. "": the system's
    // store.
    std::string ca_path = {};
    // What this side shows to a server that asks for it. Both or none.
    CertificateFiles certificate = {};
    std::string ciphers = {};  // Those of TLS 1.2, in OpenSSL's format. "": the server's default.
    std::vector<std::string> alpn =
        {};                     // RFC 7301, preferred first. Empty: the extension is not sent.
    size_t sessions_max = 256;  // Sessions kept for resumption; the oldest goes. 0: none.
};

class TlsClientContext {
public:
    // The error names the file that cannot be used.
    [[nodiscard]] static base::Result<std::shared_ptr<const TlsClientContext>> make(
        const TlsClientOptions& options);
    ~TlsClientContext();
    TlsClientContext(const TlsClientContext&) = delete;
    TlsClientContext& operator=(const TlsClientContext&) = delete;

    [[nodiscard]] size_t kept_sessions() const;

private:
    friend class TlsSession;
    struct Impl;
    explicit TlsClientContext(std::unique_ptr<Impl> impl) noexcept;

    struct Peer {
        std::string host;  // Without a dot at the end.
        bool is_address;
        std::string key;  // Names the server in the cache of sessions.
    };
    [[nodiscard]] ssl_st* connect(const Peer& peer) const;             // Throws std::bad_alloc.
    void keep(const Peer& peer, const ssl_session_st& session) const;  // Throws std::bad_alloc.

    const std::unique_ptr<Impl> impl_;
};

}  // namespace starling::net
