#include "net/tls.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "tests/fake/certificates.h"
#include "tests/fake/tls_client.h"
#include "tests/net/tls_fixture.h"

namespace starling::net {
namespace {

using fake::TlsClient;
using fake::TlsClientOptions;
using Status = TlsSession::Status;

TEST(Tls, ShakesHandsAndCarriesBytesAtEveryReadSize) {
    for (const auto& [version, name] : versions)
        for (const size_t step : {size_t(1), size_t(7), size_t(100), SIZE_MAX}) {
            TlsClient client(only(version));
            TlsServer server;
            EXPECT_FALSE(server.session.established());
            exchange(client, server, step);
            ASSERT_TRUE(client.established()) << client.error();
            EXPECT_TRUE(server.session.established());
            EXPECT_EQ(client.version(), name);
            EXPECT_TRUE(client.write("ping"));
            EXPECT_TRUE(server.write("pong"));
            exchange(client, server, step);
            EXPECT_EQ(server.plaintext, "ping") << name << step;
            EXPECT_EQ(client.plaintext(), "pong") << name << step;
        }
}

TEST(Tls, RefusesWhatIsOlder) {
    TlsClientOptions options;
    options.version_min = TLS1_VERSION;
    options.version_max = TLS1_1_VERSION;
    TlsClient client(options);
    TlsServer server;
    exchange(client, server);
    EXPECT_FALSE(client.established());
    EXPECT_EQ(server.status, Status::failed);
    EXPECT_NE(client.error(), "");
}

TEST(Tls, AlpnChoosesHttp11AndRefusesTheRest) {
    const struct {
        std::string_view offered;
        std::string_view want;  // "-": refused.
    } cases[] = {
        {"", ""},
        {std::string_view("\x08http/1.1", 9), "http/1.1"},
        {std::string_view("\x02h2\x08http/1.1", 12), "http/1.1"},
        {std::string_view("\x02h2", 3), "-"},
        {std::string_view("\x08http/1.0\x02h2", 12), "-"},
    };
    for (const auto& [offered, want] : cases) {
        TlsClientOptions options;
        options.alpn = offered;
        TlsClient client(options);
        TlsServer server;
        exchange(client, server);
        EXPECT_EQ(client.established(), want != "-") << offered;
        if (want == "-")
            EXPECT_NE(client.error().find("no application protocol"), std::string::npos)
                << client.error();
        else
            EXPECT_EQ(client.alpn(), want);
    }
}

TEST(Tls, TheServerNameChoosesTheCertificate) {
    const struct {
        const char *name, *want;
    } cases[] = {
        {"", "first"},
        {"first.example", "first"},
        {"second.example", "second"},
        {"SECOND.example", "second"},
        {"a.second.example", "second"},
        {"a.b.second.example", "first"},  // A wildcard matches one label (RFC 6125 6.4.3).
        {"unknown.example", "first"},
    };
    for (const auto& [version, version_name] : versions)
        for (const auto& [name, want] : cases) {
            TlsClientOptions options = only(version);
            options.server_name = name;
            TlsClient client(options);
            TlsServer server;
            exchange(client, server);
            EXPECT_EQ(client.certificate_name(), want) << name << " " << version_name;
        }
}

TEST(Tls, ExactNamesGoBeforeWildcardsAndGivenNamesBeforeThoseOfCertificates) {
    const fake::TemporaryDirectory directory;
    const auto make = [&](const char* name, const char* names, std::vector<std::string> hosts) {
        CertificateFiles files = fake::make_certificate(directory, name, names);
        files.hosts = std::move(hosts);
        return files;
    };
    const auto context =
        load({make("first", "DNS:first.example", {}), make("wild", "DNS:*.example.com", {}),
              make("exact", "DNS:www.example.com", {}),
              make("given", "DNS:other.example", {"given.example", "*.site.com"}),
              make("deep", "DNS:deep.example", {"*.eu.site.com"})});
    const struct {
        const char *name, *want;
    } cases[] = {
        {"www.example.com", "exact"}, {"WWW.example.com", "exact"}, {"a.example.com", "wild"},
        {"given.example", "given"},   {"GIVEN.example", "given"},   {"a.b.site.com", "given"},
        {"a.eu.site.com", "deep"},    {"eu.site.com", "given"},     {"site.com", "first"},
        {"nosite.com", "first"},      {"other.example", "given"},   {"deep.example", "deep"},
        {"unknown.example", "first"},
    };
    for (const auto& [name, want] : cases) {
        TlsClientOptions options;
        options.server_name = name;
        TlsClient client(options);
        TlsServer server(context);
        exchange(client, server);
        EXPECT_EQ(client.certificate_name(), want) << name;
    }
}

TEST(Tls, TicketsResumeASession) {
    for (const auto& [version, name] : versions)
        for (const std::string server_name : {"", "second.example"}) {
            TlsClientOptions options = only(version);
            options.server_name = server_name;
            TlsClient first(options);
            TlsServer server;
            exchange(first, server);
            EXPECT_FALSE(first.resumed());
            ASSERT_NE(first.session(), nullptr) << name;
            EXPECT_TRUE(SSL_SESSION_has_ticket(first.session())) << name;

            options.session = first.session();
            TlsClient second(options);
            TlsServer other;
            exchange(second, other);
            ASSERT_TRUE(second.established()) << second.error();
            EXPECT_TRUE(second.resumed()) << name << server_name;
            EXPECT_TRUE(second.write("hello"));
            exchange(second, other);
            EXPECT_EQ(other.plaintext, "hello");
        }
}

// RFC 6066 section 3: under another name the handshake is a full one, with that name's certificate.
TEST(Tls, ATicketDoesNotResumeUnderAnotherServerName) {
    const struct {
        const char *of_the_ticket, *then;
        bool resumed;
    } cases[] = {
        {"first.example", "second.example", false},
        {"second.example", "first.example", false},
        {"a.second.example", "b.second.example", false},
        {"", "second.example", false},
        {"second.example", "", false},
        {"second.example", "SECOND.example", true},
    };
    for (const auto& [version, version_name] : versions)
        for (const auto& one : cases) {
            TlsClientOptions options = only(version);
            options.server_name = one.of_the_ticket;
            TlsClient first(options);
            TlsServer server;
            exchange(first, server);
            ASSERT_NE(first.session(), nullptr);

            options.server_name = one.then;
            options.session = first.session();
            TlsClient second(options);
            TlsServer other;
            exchange(second, other);
            ASSERT_TRUE(second.established()) << second.error();
            EXPECT_TRUE(second.write("hello"));
            exchange(second, other);
            EXPECT_EQ(other.plaintext, "hello");
            // In TLS 1.3 the client's library may decide not to offer the ticket.
            if (one.resumed && version == TLS1_3_VERSION) continue;
            EXPECT_EQ(second.resumed(), one.resumed)
                << version_name << ' ' << one.of_the_ticket << ", then " << one.then;
            EXPECT_EQ(second.certificate_name(),
                      std::string(one.then).ends_with("cond.example") || one.resumed ? "second"
                                                                                     : "first");
        }
}

TEST(Tls, EachCertificateIsRenewedByItself) {
    const fake::TemporaryDirectory directory;
    const auto a = fake::make_certificate(directory, "a", "DNS:a.example");
    const auto b = fake::make_certificate(directory, "b", "DNS:b.example");
    const auto c = fake::make_certificate(directory, "c", "DNS:c.example");
    const std::vector<CertificateFiles> files{a, b, c};
    auto context = load(files);
    const auto serial_of = [&](const char* name) {
        TlsClientOptions options;
        options.server_name = name;
        TlsClient client(options);
        TlsServer server(context);
        exchange(client, server);
        X509* const x509 = SSL_get0_peer_certificate(client.ssl());
        return x509 ? ASN1_INTEGER_get(X509_get0_serialNumber(x509)) : -1;
    };
    EXPECT_EQ(serial_of("a.example"), 1);

    // Two of three certificates are faulty, in different files; the message names both.
    fake::make_certificate(directory, "c", "DNS:c.example", nullptr, false, 2);
    std::ofstream(a.private_key_path) << "garbage";
    std::ofstream(b.certificate_chain_path) << "garbage";
    auto renewed = TlsContext::load(files, default_ciphers, context.get());
    ASSERT_TRUE(renewed) << renewed.error();
    EXPECT_TRUE(renewed->kept.starts_with(a.private_key_path)) << renewed->kept;
    EXPECT_NE(renewed->kept.find("; " + b.certificate_chain_path), std::string::npos)
        << renewed->kept;
    context = renewed->context;
    EXPECT_EQ(serial_of("a.example"), 1);
    EXPECT_EQ(serial_of("b.example"), 1);
    EXPECT_EQ(serial_of("c.example"), 2);
    EXPECT_EQ(serial_of("unknown.example"), 1);

    // Once repaired, both are renewed.
    fake::make_certificate(directory, "a", "DNS:a.example", nullptr, false, 3);
    fake::make_certificate(directory, "b", "DNS:b.example", nullptr, false, 3);
    renewed = TlsContext::load(files, default_ciphers, context.get());
    ASSERT_TRUE(renewed) << renewed.error();
    EXPECT_EQ(renewed->kept, "");
    context = renewed->context;
    EXPECT_EQ(serial_of("a.example"), 3);
    EXPECT_EQ(serial_of("b.example"), 3);
    EXPECT_EQ(serial_of("c.example"), 2);
}

// The keys of tickets go on with a reload, also to certificates that were not there before.
TEST(Tls, AReloadKeepsTheTickets) {
    const fake::TemporaryDirectory directory;
    const auto make = [&](const std::string& name) {
        return fake::make_certificate(directory, name, "DNS:first.example");
    };
    const auto old = load({make("old")});
    for (const size_t certificates : {size_t{1}, size_t{2}})
        for (const auto& [version, name] : versions) {
            TlsClient first(only(version));
            TlsServer server(old);
            exchange(first, server);
            ASSERT_NE(first.session(), nullptr) << name;
            const auto again = TlsContext::load(std::vector(certificates, make("new")),
                                                default_ciphers, old.get());
            ASSERT_TRUE(again);
            TlsClientOptions options = only(version);
            options.session = first.session();
            TlsClient second(options);
            TlsServer other(again->context);
            exchange(second, other);
            EXPECT_TRUE(second.established()) << second.error();
            EXPECT_TRUE(second.resumed()) << name << certificates;
        }
}

// RFC 8446 appendix C.4: a client uses each ticket once. All of them end with the first one's life.
TEST(Tls, AResumedSessionOfTls13GivesTheTicketForTheNext) {
    TlsClient first(only(TLS1_3_VERSION)), second, third;
    SSL_SESSION* session = nullptr;
    for (TlsClient* const client : {&first, &second, &third}) {
        if (session) SSL_set_session(client->ssl(), session);
        TlsServer server;
        exchange(*client, server);
        EXPECT_EQ(client->resumed(), session != nullptr);
        ASSERT_NE(client->session(), nullptr);
        ASSERT_NE(client->session(), session);
        session = client->session();
        EXPECT_LE(SSL_SESSION_get_ticket_lifetime_hint(session), 7'200u);
        EXPECT_GT(SSL_SESSION_get_ticket_lifetime_hint(session), 7'100u);
    }
}

// RFC 6066 section 4.
TEST(Tls, RecordsAreNoLongerThanTheClientAsksFor) {
    for (const auto& [version, name] : versions) {
        TlsClient client(only(version));
        SSL_set_tlsext_max_fragment_length(client.ssl(), TLSEXT_max_fragment_length_512);
        TlsServer server;
        exchange(client, server);
        const std::string text(20'000, 'x');
        EXPECT_TRUE(server.write(text.substr(0, 16'000)));
        EXPECT_TRUE(server.write(text.substr(16'000)));
        exchange(client, server);
        EXPECT_EQ(client.error(), "") << name;
        EXPECT_TRUE(client.plaintext() == text) << name;
    }
}

TEST(Tls, AnotherContextDoesNotKnowTheTicketsAndShakesHandsAnew) {
    TlsClient first;
    TlsServer server;
    exchange(first, server);
    TlsClientOptions options;
    options.session = first.session();
    TlsClient second(options);
    const fake::TemporaryDirectory directory;
    TlsServer other(load({fake::make_certificate(directory, "new", "DNS:first.example")}));
    exchange(second, other);
    EXPECT_TRUE(second.established()) << second.error();
    EXPECT_FALSE(second.resumed());
    EXPECT_EQ(second.certificate_name(), "new");
}

TEST(Tls, RenegotiationIsRefused) {
    TlsClient client(only(TLS1_2_VERSION));
    TlsServer server;
    exchange(client, server);
    ASSERT_TRUE(client.established());
    ASSERT_EQ(SSL_renegotiate(client.ssl()), 1);
    SSL_do_handshake(client.ssl());
    exchange(client, server);
    EXPECT_NE(client.error().find("no renegotiation"), std::string::npos) << client.error();
}

TEST(Tls, CloseNotifyIsSentAndReceived) {
    for (const auto& [version, name] : versions) {
        TlsClient client(only(version));
        TlsServer server;
        exchange(client, server);
        EXPECT_TRUE(client.write("last"));
        client.close();
        server.feed(client.output());
        EXPECT_EQ(server.plaintext, "last");
        EXPECT_EQ(server.status, Status::ended);
        EXPECT_TRUE(server.write("after the end of the other")) << "the other half is open";
        server.session.send_close_notify();
        client.feed(server.output());
        EXPECT_TRUE(client.ended()) << name;
    }
}

TEST(Tls, BytesThatAreNotTlsFailAndAreAnsweredByAnAlert) {
    for (const std::string_view garbage :
         {std::string_view("GET / HTTP/1.1\r\n\r\n"),
          std::string_view("\x16\x03\x01\xff\xff\x01", 6), std::string_view("\0\0\0\0\0\0\0\0", 8),
          std::string_view("\x16\x03\x01\0\4garb", 9)}) {
        TlsServer server;
        server.feed(garbage);
        EXPECT_EQ(server.status, Status::failed);
        EXPECT_FALSE(server.session.established());
        EXPECT_FALSE(server.write("x"));
    }
}

TEST(Tls, WritingBeforeTheHandshakeFails) {
    TlsServer server;
    EXPECT_FALSE(server.write("too early"));
    EXPECT_EQ(server.plaintext, "");
}

TEST(Tls, LoadNamesTheFileThatIsWrong) {
    const fake::TemporaryDirectory directory;
    const auto a = fake::make_certificate(directory, "a", "DNS:a");
    const auto b = fake::make_certificate(directory, "b", "DNS:b");
    const auto locked = fake::make_certificate(directory, "locked", "DNS:c", "passphrase");
    std::ofstream(directory.file("garbage")) << "garbage";
    const struct {
        std::vector<CertificateFiles> files;
        std::string want;
    } cases[] = {
        {{}, "at least one"},
        {{{directory.file("none"), a.private_key_path}}, directory.file("none")},
        {{{directory.file("garbage"), a.private_key_path}}, directory.file("garbage")},
        {{{a.certificate_chain_path, directory.file("none")}}, directory.file("none")},
        {{{a.certificate_chain_path, b.private_key_path}}, b.private_key_path},
        {{a, {b.certificate_chain_path, directory.file("garbage")}}, directory.file("garbage")},
        // OpenSSL does not ask for the password on the terminal.
        {{locked}, locked.private_key_path},
    };
    for (const auto& [files, want] : cases) {
        const auto refused = TlsContext::load(files, default_ciphers);
        ASSERT_FALSE(refused) << want;
        EXPECT_NE(refused.error().find(want), std::string::npos) << refused.error();
    }
}

TEST(Tls, CanBeReloadedAnyNumberOfTimes) {
    const fake::TemporaryDirectory directory;
    const auto files = fake::make_certificate(directory, "a", "DNS:a");
    std::shared_ptr<const TlsContext> context;
    for (int i = 0; i < 150; ++i) context = load({files});
    TlsClient client;
    TlsServer server(context);
    exchange(client, server);
    EXPECT_TRUE(client.established()) << client.error();
}

}  // namespace
}  // namespace starling::net
