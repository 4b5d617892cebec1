// tests/net/tls_fixture.h: certificates, protocol versions and both sides for the tests of TLS.
#pragma once

#include <gtest/gtest.h>
#include <starling/server.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
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

// The server's session, and the bytes that it has read.
struct TlsServer {
    explicit TlsServer(std::shared_ptr<const TlsContext> context = shared_context())
        : session(std::move(context)) {}

    void feed(std::string_view ciphertext) {
        session.feed(base::bytes_of(ciphertext));
        std::vector<std::byte> buffer(TlsSession::record_bytes_max);
        while (const size_t size = session.read(buffer, status))
            plaintext += base::text_of(std::span(buffer).first(size));
    }
    [[nodiscard]] std::string output() { return std::exchange(session.output(), {}); }
    [[nodiscard]] bool write(std::string_view text) { return session.write(base::bytes_of(text)); }

    TlsSession session;
    TlsSession::Status status = TlsSession::Status::ok;
    std::string plaintext;
};

// Carries bytes between both sides, `step` at a time, until neither has more to send.
inline void exchange(fake::TlsClient& client, TlsServer& server, size_t step = SIZE_MAX) {
    client.feed("");
    for (int turn = 0; turn < 20; ++turn) {
        const std::string up = client.output();
        for (size_t at = 0; at < up.size() && server.status == TlsSession::Status::ok; at += step)
            server.feed(std::string_view(up).substr(at, step));
        const std::string down = server.output();
        for (size_t at = 0; at < down.size(); at += std::min(step, down.size()))
            client.feed(std::string_view(down).substr(at, step));
        if (up.empty() && down.empty()) return;
    }
    ADD_FAILURE() << "they never stop talking";
}

}  // namespace starling::net
