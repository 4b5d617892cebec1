// net/tls_failure.h: why TLS has failed, in words. Private to net/tls*.cpp. Thread: any.
#pragma once

#include <openssl/x509_vfy.h>

#include <string>

#include "net/tls.h"

namespace starling::net {

// For the callback of a verification that has found a fault. `host` is the name or address that the
// certificate has to bear.
[[nodiscard]] TlsFailure describe_certificate_failure(X509_STORE_CTX& verification,
                                                      const std::string& host);

// Another failure: reads the oldest error in OpenSSL's queue.
[[nodiscard]] TlsFailure describe_tls_failure();

}  // namespace starling::net
