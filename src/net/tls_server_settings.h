// net/tls_server_settings.h: contexts of OpenSSL 3 for the server's side. Private to net/tls*.cpp. Thread: any.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/tls_settings.h"

namespace starling::net {

inline constexpr std::string_view http11 = "http/1.1";  // Its name in ALPN (RFC 7301).

// Without a certificate. `ciphers`: those of TLS 1.2.
[[nodiscard]] base::Result<SslContext> make_server_context(const std::string& ciphers);

// Uses the certificate, its chain and its key, which `other` uses as well.
void use_certificate_of(SSL_CTX& context, SSL_CTX& other);

// Another owner of the context.
[[nodiscard]] SslContext shared(const SslContext& context) noexcept;

// Whether the client takes TLS 1.3. Only in the callback for its hello.
[[nodiscard]] bool offers_tls13(SSL& ssl) noexcept;

}  // namespace starling::net
