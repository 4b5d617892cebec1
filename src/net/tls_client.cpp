#include "net/tls_client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <starling/server.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <list>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

#include "net/tls_settings.h"

namespace starling::net {

struct TlsClientContext::Impl {
    using Session = std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)>;
    struct Kept {
        std::string peer;
        Session session;
    };
    // A server gives several sessions, since one of TLS 1.3 is used once (RFC 8446 appendix C.4).
    static constexpr std::ptrdiff_t sessions_per_peer_max = 4;

    SslContext context{nullptr, &SSL_CTX_free};
    std::string alpn;  // As in the protocol: a length byte before each name.
    size_t sessions_max = 0;
    std::mutex mutex;
    std::list<Kept> sessions;  // Newest first.

    void keep(const std::string& peer, Session session) {
        const std::lock_guard lock(mutex);
        sessions.push_front({peer, std::move(session)});
        const auto is_peers = [&](const Kept& kept) { return kept.peer == peer; };
        if (std::ranges::count_if(sessions, is_peers) > sessions_per_peer_max) {
            // NOLINTNEXTLINE(modernize-use-ranges): clang 14 cannot compile std::views::reverse.
            const auto oldest = std::find_if(sessions.rbegin(), sessions.rend(), is_peers);
            sessions.erase(std::prev(oldest.base()));
        }
        if (sessions.size() > sessions_max) sessions.pop_back();
    }

    Session take(const std::string& peer) {
        const std::lock_guard lock(mutex);
        const auto found =
            std::ranges::find_if(sessions, [&](const Kept& kept) { return kept.peer == peer; });
        if (found == sessions.end()) return {nullptr, &SSL_SESSION_free};
        if (SSL_SESSION_get_protocol_version(found->session.get()) < TLS1_3_VERSION) {
            SSL_SESSION_up_ref(found->session.get());
            return {found->session.get(), &SSL_SESSION_free};
        }
        Session session = std::move(found->session);
        sessions.erase(found);
        return session;
    }
};

TlsClientContext::TlsClientContext(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
TlsClientContext::~TlsClientContext() = default;

base::Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::make(
    const TlsClientOptions& options) {
    auto impl = std::make_unique<Impl>();
    auto made =
        make_ssl_context(TLS_client_method(),
                         options.ciphers.empty() ? ServerOptions().tls_ciphers : options.ciphers);
    if (!made) return base::Failure(made.error());
    impl->context = *std::move(made);
    SSL_CTX& context = *impl->context;
    SSL_CTX_set_verify(&context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       &TlsSession::on_verify);
    if (options.verify && options.ca_path.empty() &&
        SSL_CTX_set_default_verify_paths(&context) != 1)
        return openssl_failure("the system's store of authorities cannot be used");
    if (!options.ca_path.empty() &&
        SSL_CTX_load_verify_file(&context, options.ca_path.c_str()) != 1)
        return openssl_failure(options.ca_path + ": no certificates of authorities");
    const CertificateFiles& own = options.certificate;
    if (own.certificate_chain_path.empty() != own.private_key_path.empty())
        return base::Failure(
            "a client certificate needs its private key, and the key a certificate");
    if (!own.certificate_chain_path.empty())
        if (const auto used = use_certificate(context, own); !used)
            return base::Failure(used.error());
    for (const std::string& protocol : options.alpn) {
        if (protocol.empty() || protocol.size() > UINT8_MAX)
            return base::Failure("a protocol for ALPN has 1 to 255 bytes");
        impl->alpn += static_cast<char>(static_cast<unsigned char>(protocol.size()));
        impl->alpn += protocol;
    }
    if (!impl->alpn.empty() &&
        SSL_CTX_set_alpn_protos(&context, reinterpret_cast<const unsigned char*>(impl->alpn.data()),
                                static_cast<unsigned>(impl->alpn.size())) != 0)
        return base::Failure("the protocols for ALPN cannot be used");
    impl->sessions_max = options.sessions_max;
    SSL_CTX_set_session_cache_mode(
        &context, options.sessions_max ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL
                                       : SSL_SESS_CACHE_OFF);
    SSL_CTX_sess_set_new_cb(&context, &TlsSession::on_new_session);
    ERR_clear_error();
    return std::shared_ptr<const TlsClientContext>(new TlsClientContext(std::move(impl)));
}

size_t TlsClientContext::kept_sessions() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->sessions.size();
}

ssl_st* TlsClientContext::connect(const Peer& peer) const {
    // OpenSSL takes an empty name for none, and would accept the certificate of any host.
    if (peer.host.empty()) throw std::invalid_argument("TLS needs the name of the host");
    std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(impl_->context.get()), &SSL_free);
    if (!ssl) throw std::bad_alloc();
    X509_VERIFY_PARAM* const verify = SSL_get0_param(ssl.get());
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // RFC 6066 section 3: an address is not sent.
    const int set =
        peer.is_address
            ? X509_VERIFY_PARAM_set1_ip_asc(verify, peer.host.c_str())
            : X509_VERIFY_PARAM_set1_host(verify, peer.host.c_str(), 0) &
                  static_cast<int>(SSL_set_tlsext_host_name(ssl.get(), peer.host.c_str()));
    if (set != 1) throw std::bad_alloc();
    if (const auto session = impl_->take(peer.key)) SSL_set_session(ssl.get(), session.get());
    ERR_clear_error();
    return ssl.release();
}

// A copy: OpenSSL forbids to resume the session of a connection that ends without close_notify.
void TlsClientContext::keep(const Peer& peer, const SSL_SESSION& session) const {
    Impl::Session copy(SSL_SESSION_dup(&session), &SSL_SESSION_free);
    if (!copy) throw std::bad_alloc();
    impl_->keep(peer.key, std::move(copy));
}

}  // namespace starling::net
