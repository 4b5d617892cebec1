// tests/net/tls_fixture.h: certificates and protocol versions for the tests of TLS.
#pragma once

#include <gtest/gtest.h>
#include <starling/server.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "net/tls_filter.h"
#include "tests/fake/certificates.h"
#include "tests/fake/tls_client.h"

namespace starling::net {

inline const std::string default_ciphers = ServerOptions().tls_ciphers;

inline std::shared_ptr<const TlsContext> load(const std::vector<CertificateFiles>& files) {
    const auto loaded = TlsContext::load(files, default_ciphers);
    if (!loaded) throw std::runtime_error(loaded.error());
    return loaded->context;
}

// One set of certificates for all tests: "first", and "second" with a name and a wildcard.
inline const std::shared_ptr<const TlsContext>& shared_context() {
    static const fake::TemporaryDirectory directory;
    static const auto context = load(
        {fake::make_certificate(directory, "first", "DNS:first.example"),
         fake::make_certificate(directory, "second", "DNS:second.example,DNS:*.second.example")});
    return context;
}

inline std::unique_ptr<TlsFilter> tls_filter() {
    return std::make_unique<TlsFilter>(std::make_unique<TlsSession>(shared_context()));
}

struct TlsVersion {
    int version;
    const char* name;
};
inline constexpr TlsVersion versions[] = {{TLS1_2_VERSION, "TLSv1.2"}, {TLS1_3_VERSION, "TLSv1.3"}};

inline fake::TlsClientOptions only(int version) {
    fake::TlsClientOptions options;
    options.version_min = options.version_max = version;
    return options;
}

}  // namespace starling::net
