// The client's side of TLS against the server's side, in memory.
#include "net/tls_client.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/text.h"
#include "tests/fake/authority.h"
#include "tests/net/tls_fixture.h"

namespace starling::net {
namespace {

using ClientContext = std::shared_ptr<const TlsClientContext>;
using ServerContext = std::shared_ptr<const TlsContext>;

// Certificates for all tests.
struct Certificates {
    fake::TemporaryDirectory directory;
    fake::Authority authority{directory}, stranger{directory, "stranger"};
    ServerContext good =
        load({authority.issue("good", {"DNS:a.example,DNS:*.b.example,IP:127.0.0.1,IP:::1"})});
    ServerContext expired = load({authority.issue("expired", {"DNS:a.example", -7200, -3600})});
    ServerContext early = load({authority.issue("early", {"DNS:a.example", 3600, 7200})});
    ServerContext strangers = load({stranger.issue("strangers", {"DNS:a.example"})});
    ServerContext self_signed = load({fake::make_certificate(directory, "self", "DNS:a.example")});
    ServerContext rude = load({authority.issue(
        "rude", {"DNS:x1.example,DNS:x2.example,DNS:x3.example,DNS:x4.example,IP:10.0.0.1,"
                 "DNS:x6.example"})});
};
const Certificates& certificates() {
    static const Certificates all;
    return all;
}

ClientContext client(TlsClientOptions options = {}) {
    if (options.ca_path.empty()) options.ca_path = certificates().authority.path();
    auto made = TlsClientContext::make(options);
    if (!made) throw std::runtime_error(made.error());
    return *made;
}

// Moves what one side wants to send to the other, in pieces of `size` bytes, and reads there.
TlsSession::Status carry(TlsSession& from, TlsSession& to, std::string& plaintext, size_t size) {
    const std::string wire = std::exchange(from.output(), {});
    auto status = TlsSession::Status::ok;
    for (size_t at = 0; at < wire.size() && status == TlsSession::Status::ok; at += size) {
        to.feed(base::bytes_of(std::string_view(wire).substr(at, size)));
        (void)to.shake_hands();
        std::byte buffer[4096];
        while (const size_t read = to.read(buffer, status))
            plaintext += base::text_of(std::span(buffer, read));
        to.feed({});
    }
    return status;
}

struct Connection {
    Connection(const ClientContext& context, const ServerContext& to, const std::string& host,
               uint16_t port = 443, size_t piece = 100'000)
        : ours(context, host, port), theirs(to) {
        for (int i = 0; i < 10 && !ours.output().empty(); ++i) {
            (void)carry(ours, theirs, theirs_got, piece);
            const auto now = carry(theirs, ours, ours_got, piece);
            if (now != TlsSession::Status::ok) status = now;
        }
    }
    [[nodiscard]] std::string outcome() const {
        if (ours.failure()) return ours.failure()->text;
        return ours.established() && theirs.established() ? "established" : "nothing";
    }
    TlsSession ours, theirs;
    std::string ours_got, theirs_got;
    TlsSession::Status status{};
};

TEST(TlsClient, ChecksTheCertificate) {
    using Kind = TlsFailure::Kind;
    const auto& all = certificates();
    const std::string names = "a.example, *.b.example, 127.0.0.1, ::1";
    const struct {
        ServerContext server;
        std::string host;
        Kind kind;
        std::string want;  // The beginning.
    } cases[] = {
        {all.good, "a.example", {}, "established"},
        {all.good, "A.EXAMPLE", {}, "established"},
        {all.good, "a.example.", {}, "established"},
        {all.good, "x.b.example", {}, "established"},
        {all.good, "127.0.0.1", {}, "established"},
        {all.good, "::1", {}, "established"},
        {all.good, "0:0::1", {}, "established"},
        {all.good, "b.example", Kind::host,
         "the certificate is not for b.example; it names " + names},
        {all.good, "x.y.b.example", Kind::host, "the certificate is not for x.y.b.example; "},
        {all.good, "127.0.0.2", Kind::host,
         "the certificate is not for 127.0.0.2; it names " + names},
        {all.expired, "a.example", Kind::expired,
         "the certificate has expired (it was valid until 20"},
        {all.early, "a.example", Kind::expired,
         "the certificate is not valid yet (it will be from 20"},
        {all.strangers, "a.example", Kind::untrusted,
         "the issuer of the certificate is not trusted"},
        {all.self_signed, "a.example", Kind::untrusted,
         "the certificate is self-signed and not trusted"},
        {all.rude, "a.example", Kind::host,
         "the certificate is not for a.example; it names x1.example, x2.example, x3.example, "
         "x4.example, 10.0.0.1, ..."},
    };
    const auto context = client();
    for (const auto& c : cases) {
        const Connection connection(context, c.server, c.host);
        EXPECT_TRUE(connection.outcome().starts_with(c.want)) << connection.outcome();
        ASSERT_EQ(connection.ours.failure() == nullptr, c.want == "established") << c.host;
        if (connection.ours.failure()) {
            EXPECT_EQ(connection.ours.failure()->kind, c.kind) << c.want;
            EXPECT_EQ(connection.status, TlsSession::Status::failed);
        }
    }
}

TEST(TlsClient, WithoutVerificationAnyCertificateWillDo) {
    const auto context = client({.verify = false});
    for (const auto& server : {certificates().self_signed, certificates().expired})
        EXPECT_EQ(Connection(context, server, "other.example").outcome(), "established");
}

TEST(TlsClient, TheSystemsStoreDoesNotKnowAnAuthorityOfTheTest) {
    const auto context = TlsClientContext::make({});
    ASSERT_TRUE(context);
    EXPECT_EQ(Connection(*context, certificates().good, "a.example").outcome(),
              "the issuer of the certificate is not trusted");
}

TEST(TlsClient, SpeaksBothVersionsAtEveryReadSize) {
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{100}, size_t{100'000}}) {
        Connection c(client(), certificates().good, "a.example", 443, piece);
        ASSERT_EQ(c.outcome(), "established");
        EXPECT_EQ(c.ours.version(), "TLSv1.3");
        ASSERT_TRUE(c.ours.write(base::bytes_of("ping")));
        (void)carry(c.ours, c.theirs, c.theirs_got, piece);
        ASSERT_TRUE(c.theirs.write(base::bytes_of("pong")));
        (void)carry(c.theirs, c.ours, c.ours_got, piece);
        EXPECT_EQ(c.theirs_got, "ping");
        EXPECT_EQ(c.ours_got, "pong");
        c.theirs.send_close_notify();
        EXPECT_EQ(carry(c.theirs, c.ours, c.ours_got, piece), TlsSession::Status::ended);
        EXPECT_EQ(c.ours.failure(), nullptr);
    }
}

TEST(TlsClient, OffersProtocols) {
    const Connection offered(client({.alpn = {"h2", "http/1.1"}}), certificates().good,
                             "a.example");
    EXPECT_EQ(offered.ours.alpn(), "http/1.1");
    const Connection none(client(), certificates().good, "a.example");
    EXPECT_EQ(none.outcome(), "established");
    EXPECT_EQ(none.ours.alpn(), "");
    const Connection refused(client({.alpn = {"h2"}}), certificates().good, "a.example");
    EXPECT_EQ(refused.outcome(), "the server refuses TLS: no application protocol");
    EXPECT_EQ(refused.ours.failure()->kind, TlsFailure::Kind::other);
}

TEST(TlsClient, NamesTheHostToTheServerButNoAddress) {
    fake::TemporaryDirectory directory;
    const fake::Authority authority(directory);
    const auto server = load({authority.issue("first", {"DNS:first.example,IP:127.0.0.1"}),
                              authority.issue("second", {"DNS:second.example"})});
    const auto context = client({.ca_path = authority.path()});
    EXPECT_EQ(Connection(context, server, "second.example").outcome(), "established");
    EXPECT_EQ(Connection(context, server, "127.0.0.1").outcome(), "established");
}

TEST(TlsClient, ResumesSessionsOfTheSameServer) {
    const auto context = client();
    const auto& server = certificates().good;
    EXPECT_FALSE(Connection(context, server, "a.example").ours.resumed());
    EXPECT_EQ(context->kept_sessions(), 1u);
    const Connection again(context, server, "a.example");
    EXPECT_TRUE(again.ours.resumed());
    EXPECT_EQ(again.outcome(), "established");
    EXPECT_FALSE(Connection(context, server, "x.b.example").ours.resumed());
    EXPECT_FALSE(Connection(context, server, "a.example", 444).ours.resumed());
    EXPECT_TRUE(Connection(context, server, "a.example.", 444).ours.resumed());
}

TEST(TlsClient, KeepsSoManySessionsAndNoMore) {
    const auto few = client({.sessions_max = 3});
    for (uint16_t port = 1; port <= 5; ++port)
        (void)Connection(few, certificates().good, "a.example", port);
    EXPECT_EQ(few->kept_sessions(), 3u);
    EXPECT_FALSE(Connection(few, certificates().good, "a.example", 1).ours.resumed());
    EXPECT_TRUE(Connection(few, certificates().good, "a.example", 5).ours.resumed());

    const auto none = client({.sessions_max = 0});
    (void)Connection(none, certificates().good, "a.example");
    EXPECT_EQ(none->kept_sessions(), 0u);
    EXPECT_FALSE(Connection(none, certificates().good, "a.example").ours.resumed());

    // Of one server at most four, those of connections that were opened at the same time.
    const auto many = client();
    std::vector<std::unique_ptr<TlsSession>> open;
    for (int i = 0; i < 10; ++i)
        open.push_back(std::make_unique<TlsSession>(many, "a.example", uint16_t{443}));
    for (const auto& ours : open) {
        TlsSession theirs(certificates().good);
        std::string got;
        for (int round = 0; round < 3; ++round) {
            (void)carry(*ours, theirs, got, 100'000);
            (void)carry(theirs, *ours, got, 100'000);
        }
        EXPECT_TRUE(ours->established());
    }
    EXPECT_EQ(many->kept_sessions(), 4u);

    (void)Connection(none, certificates().strangers, "a.example");
    EXPECT_EQ(none->kept_sessions(), 0u) << "of a server that is not trusted";
}

TEST(TlsClient, APlainServerIsToldApart) {
    TlsSession session(client(), "a.example", 443);
    session.feed(base::bytes_of("HTTP/1.1 400 Bad Request\r\n\r\n"));
    EXPECT_FALSE(session.shake_hands());
    ASSERT_NE(session.failure(), nullptr);
    EXPECT_EQ(session.failure()->text, "the server does not speak TLS 1.2 or 1.3");
    session.feed({});
}

TEST(TlsClient, FilesThatCannotBeUsedAreNamed) {
    const auto& directory = certificates().directory;
    const auto own = certificates().authority.issue("own", {"DNS:me"});
    const auto other = certificates().authority.issue("other", {"DNS:other"});
    const std::string empty = directory.file("empty");
    std::ofstream(empty).flush();
    const struct {
        TlsClientOptions options;
        std::string want;  // The beginning.
    } cases[] = {
        {{.ca_path = "/no/such"}, "/no/such: no certificates of authorities: "},
        {{.ca_path = empty}, empty + ": no certificates of authorities: "},
        {{.certificate = {own.certificate_chain_path, ""}}, "a client certificate needs its "},
        {{.certificate = {"", own.private_key_path}}, "a client certificate needs its "},
        {{.certificate = {empty, own.private_key_path}}, empty + ": not a usable certificate: "},
        {{.certificate = {own.certificate_chain_path, other.private_key_path}},
         other.private_key_path + ": not the certificate's private key: "},
        {{.ciphers = "none"}, "no cipher is named by 'none': "},
        {{.alpn = {""}}, "a protocol for ALPN has 1 to 255 bytes"},
        {{.alpn = {std::string(256, 'x')}}, "a protocol for ALPN has 1 to 255 bytes"},
    };
    for (const auto& [options, want] : cases) {
        const auto made = TlsClientContext::make(options);
        ASSERT_FALSE(made) << want;
        EXPECT_TRUE(made.error().starts_with(want)) << made.error();
    }
    EXPECT_TRUE(TlsClientContext::make({.certificate = own}));
}

}  // namespace
}  // namespace starling::net
