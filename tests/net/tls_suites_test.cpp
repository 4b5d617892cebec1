#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "tests/fake/certificates.h"
#include "tests/fake/tls_client.h"
#include "tests/net/tls_fixture.h"

namespace starling::net {
namespace {

using fake::TlsClient;
using fake::TlsClientOptions;

// The name of the negotiated cipher suite; "-": the handshake failed.
std::string cipher_of(const std::shared_ptr<const TlsContext>& context, const char* offered) {
    TlsClientOptions options = only(TLS1_2_VERSION);
    options.ciphers = offered;
    TlsClient client(options);
    TlsServer server(context);
    exchange(client, server);
    return client.established() ? SSL_get_cipher(client.ssl()) : "-";
}

TEST(TlsSuites, TheDefaultCiphersHaveForwardSecrecyAndAuthenticatedEncryption) {
    const fake::TemporaryDirectory directory;
    const auto ecdsa = load({fake::make_certificate(directory, "ecdsa", "DNS:a")});
    const auto rsa = load({fake::make_certificate(directory, "rsa", "DNS:a", nullptr, true)});
    const struct {
        const std::shared_ptr<const TlsContext>& context;
        const char* cipher;
        bool good;
    } cases[] = {
        {ecdsa, "ECDHE-ECDSA-AES128-GCM-SHA256", true},
        {ecdsa, "ECDHE-ECDSA-AES256-GCM-SHA384", true},
        {ecdsa, "ECDHE-ECDSA-CHACHA20-POLY1305", true},
        {ecdsa, "ECDHE-ECDSA-AES128-SHA", false},     // CBC with SHA-1.
        {ecdsa, "ECDHE-ECDSA-AES256-SHA384", false},  // CBC.
        {ecdsa, "ECDHE-ECDSA-AES128-CCM8", false},    // A short authentication tag.
        {rsa, "ECDHE-RSA-AES128-GCM-SHA256", true},
        {rsa, "ECDHE-RSA-CHACHA20-POLY1305", true},
        {rsa, "ECDHE-RSA-AES128-SHA", false},
        {rsa, "AES128-GCM-SHA256", false},  // Static RSA: no forward secrecy.
        {rsa, "AES128-SHA", false},
        {rsa, "AECDH-AES128-SHA", false},  // No authentication.
    };
    for (const auto& [context, cipher, good] : cases)
        EXPECT_EQ(cipher_of(context, cipher), good ? cipher : "-") << cipher;
}

TEST(TlsSuites, CiphersCanBeChosen) {
    const fake::TemporaryDirectory directory;
    const auto files = fake::make_certificate(directory, "a", "DNS:a");
    const auto loaded = TlsContext::load({files}, "ECDHE-ECDSA-AES256-SHA384");
    ASSERT_TRUE(loaded) << loaded.error();
    EXPECT_EQ(cipher_of(loaded->context, "ECDHE-ECDSA-AES256-SHA384"), "ECDHE-ECDSA-AES256-SHA384");
    EXPECT_EQ(cipher_of(loaded->context, "ECDHE-ECDSA-AES128-GCM-SHA256"), "-");
    for (const char* wrong : {"", "NO-SUCH-CIPHER", "TLS_AES_128_GCM_SHA256"}) {
        const auto refused = TlsContext::load({files}, wrong);
        ASSERT_FALSE(refused) << wrong;
        EXPECT_TRUE(
            refused.error().starts_with(std::string("no cipher is named by '") + wrong + "': "))
            << refused.error();
    }
}

// A processor with instructions for AES has them for SHA-256, and mostly none for SHA-384.
TEST(TlsSuites, Aes128GoesBeforeTheOthers) {
    for (const auto& [version, want] : {std::pair(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"),
                                        std::pair(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256")}) {
        TlsClient client(only(version));  // OpenSSL prefers AES-256.
        TlsServer server;
        exchange(client, server);
        ASSERT_TRUE(client.established()) << client.error();
        EXPECT_STREQ(SSL_get_cipher(client.ssl()), want);
    }
}

TEST(TlsSuites, AClientThatPrefersChaChaGetsIt) {
    EXPECT_EQ(cipher_of(shared_context(), "ECDHE+CHACHA20:ECDHE+AESGCM"),
              "ECDHE-ECDSA-CHACHA20-POLY1305");
    TlsClient client(only(TLS1_3_VERSION));
    SSL_set_ciphersuites(client.ssl(), "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256");
    TlsServer server;
    exchange(client, server);
    ASSERT_TRUE(client.established()) << client.error();
    EXPECT_STREQ(SSL_get_cipher(client.ssl()), "TLS_CHACHA20_POLY1305_SHA256");
}

TEST(TlsSuites, ClientsOfEachVersionGetTheWholeChain) {
    const fake::TemporaryDirectory directory;
    auto files = fake::make_certificate(directory, "leaf", "DNS:a");
    const auto issuer = fake::make_certificate(directory, "issuer", "DNS:b");
    std::ofstream(files.certificate_chain_path, std::ios::app)
        << std::ifstream(issuer.certificate_chain_path).rdbuf();
    const auto context = load({files});
    for (const auto& [version, name] : versions) {
        TlsClient client(only(version));
        TlsServer server(context);
        exchange(client, server);
        ASSERT_TRUE(client.established()) << name << client.error();
        EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(client.ssl())), 2) << name;
    }
}

}  // namespace
}  // namespace starling::net
