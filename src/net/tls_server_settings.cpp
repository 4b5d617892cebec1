#include "net/tls_server_settings.h"

#include <new>

namespace starling::net {
namespace {

// Of TLS 1.3. OpenSSL prefers AES-256 with SHA-384, which processors have no instructions for: a
// handshake costs less with SHA-256, and a message less with AES-128. A client that prefers ChaCha20
// has no instructions for AES and gets it.
constexpr auto suites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

// RFC 7301. A client that offers protocols without http/1.1 is refused.
int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                const unsigned char* offered, unsigned offered_size, void*) noexcept {
    for (unsigned at = 0; at < offered_size; at += 1u + offered[at]) {
        const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
        if (name != http11) continue;
        *out = offered + at + 1;
        *out_size = offered[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

base::Result<SslContext> make_server_context(const std::string& ciphers) {
    auto made = make_ssl_context(TLS_server_method(), ciphers);
    if (!made) return made;
    SSL_CTX& context = **made;
    SSL_CTX_set_options(&context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    if (SSL_CTX_set_ciphersuites(&context, suites) != 1) return openssl_failure(suites);
    // Sessions resume by tickets only: the client holds the state, the server none.
    SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(&context, 1);
    SSL_CTX_set_alpn_select_cb(&context, &select_alpn, nullptr);
    return made;
}

void use_certificate_of(SSL_CTX& context, SSL_CTX& other) {
    STACK_OF(X509)* chain = nullptr;
    if (SSL_CTX_use_certificate(&context, SSL_CTX_get0_certificate(&other)) != 1 ||
        SSL_CTX_get0_chain_certs(&other, &chain) != 1 || SSL_CTX_set1_chain(&context, chain) != 1 ||
        SSL_CTX_use_PrivateKey(&context, SSL_CTX_get0_privatekey(&other)) != 1)
        throw std::bad_alloc();  // It has been used once, so only memory can be missing.
}

SslContext shared(const SslContext& context) noexcept {
    SSL_CTX_up_ref(context.get());
    return {context.get(), &SSL_CTX_free};
}

bool offers_tls13(SSL& ssl) noexcept {
    const unsigned char* versions = nullptr;
    size_t size = 0;
    if (SSL_client_hello_get0_ext(&ssl, TLSEXT_TYPE_supported_versions, &versions, &size) != 1)
        return false;
    // RFC 8446 section 4.2.1: a length, and two bytes for each version.
    for (size_t at = 1; at + 1 < size; at += 2)
        if (versions[at] == TLS1_3_VERSION >> 8 && versions[at + 1] == (TLS1_3_VERSION & 0xff))
            return true;
    return false;
}

}  // namespace starling::net
