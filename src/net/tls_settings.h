// net/tls_settings.h: what contexts of both roles, server and client, have in common (OpenSSL 3).
// Private to net/tls*.cpp. Thread: any.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "net/tls.h"

namespace starling::net {

using SslContext = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;

// TLS 1.2 and 1.3, without renegotiation and compression; an idle connection holds no buffers.
// `ciphers`: those of TLS 1.2.
[[nodiscard]] base::Result<SslContext> make_ssl_context(const SSL_METHOD* method,
                                                        const std::string& ciphers);

// The error names the file.
[[nodiscard]] base::Result<void> use_certificate(SSL_CTX& context, const CertificateFiles& files);

// `what`, and the oldest error of OpenSSL's queue, which is then empty.
[[nodiscard]] base::Failure<std::string> openssl_failure(const std::string& what);

}  // namespace starling::net
