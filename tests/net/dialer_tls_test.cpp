// Outgoing connections with TLS: against the server's side of this library, and against OpenSSL's
// own server.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/text.h"
#include "net/dialer.h"
#include "net/tls_client.h"
#include "net/tls_filter.h"
#include "tests/fake/authority.h"
#include "tests/fake/program.h"
#include "tests/net/dial_fixture.h"
#include "tests/net/tls_fixture.h"

namespace starling::net {
namespace {

using fake::run_ticks;
using fake::run_until;
using fake::StreamScript;

struct Certificates {
    fake::TemporaryDirectory directory;
    fake::Authority authority{directory}, clients{directory, "clients"};
    CertificateFiles good = authority.issue("good", {"DNS:a.example,IP:127.0.0.1"});
    CertificateFiles client = clients.issue("client", {"DNS:client.example"});
};
const Certificates& certificates() {
    static const Certificates all;
    return all;
}

std::shared_ptr<const TlsClientContext> context(TlsClientOptions options = {}) {
    if (options.ca_path.empty()) options.ca_path = certificates().authority.path();
    const auto made = TlsClientContext::make(options);
    if (!made) throw std::runtime_error(made.error());
    return *made;
}

// Says why TLS failed after the connection stood.
struct Told final : StreamHandler {
    explicit Told(std::string& into) : text(into) {}
    void on_bytes(std::span<std::byte>& input) override {
        text += base::text_of(input);
        input = {};
    }
    void on_tls(const TlsSession& session) override {
        if (session.failure()) text += session.failure()->text;
    }
    void on_closed(CloseReason reason) override {
        text += reason == CloseReason::failed ? " <failed>" : " <closed>";
    }
    std::string& text;
};

class DialerTls : public ::testing::TestWithParam<fake::BackendKind> {
protected:
    DialerTls() : loop_(GetParam().make(late_), {}, clock_.source()), dialer_(loop_, resolver_) {}

    // A server that echoes. Null: a server that closes what it accepts.
    void serve(const std::shared_ptr<const TlsContext>& tls,
               const std::string& at = "127.0.0.1:0") {
        Descriptor listening = fake::listen_at(at);
        address_ = local_address(listening.get()).value();
        acceptor_ =
            std::make_unique<Acceptor>(loop_, std::move(listening), [this, tls](Descriptor fd) {
                if (!tls) return;
                auto echo = std::make_unique<StreamScript>(server_log_);
                echo->bytes = [](Stream& stream, StreamScript::Input& input) {
                    stream.write(input);
                    input = {};
                };
                loop_.open(std::move(fd), std::move(echo),
                           std::make_unique<TlsFilter>(std::make_unique<TlsSession>(tls)));
            });
    }
    void serve(const CertificateFiles& files) { serve(load({files})); }

    // To the server, under a name.
    DialRequest request(const std::string& host,
                        std::shared_ptr<const TlsClientContext> tls = context()) {
        return {.host = host,
                .port = 443,
                .tls = std::move(tls),
                .overrides = {{host, 0, address_}},
                .timeout_ms = 10'000};
    }
    void start(DialRequest to) {
        outcome_.text.clear();
        outcome_.log.clear();
        dial_ = dialer_.dial(std::move(to), outcome_);
    }
    std::string dial(DialRequest to) {
        start(std::move(to));
        EXPECT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
        dial_.reset();
        return outcome_.text;
    }
    [[nodiscard]] std::string connected() const { return "connected " + address_.to_string(); }
    [[nodiscard]] bool log_reaches(const std::string& text) {
        return run_until(loop_, [&] { return outcome_.log.find(text) != std::string::npos; });
    }

    fake::LateControl late_;
    fake::Clock clock_;
    std::string server_log_;
    DialOutcome outcome_;
    Loop loop_;
    fake::Resolver resolver_;
    Dialer dialer_;
    std::unique_ptr<Acceptor> acceptor_;
    Address address_;
    std::unique_ptr<Dial> dial_;
};

INSTANTIATE_TEST_SUITE_P(All, DialerTls, ::testing::ValuesIn(fake::backend_kinds), fake::kind_name);

TEST_P(DialerTls, BytesPassBothWays) {
    serve(certificates().good);
    ASSERT_EQ(dial(request("a.example", context({.alpn = {"http/1.1"}}))), connected());
    EXPECT_EQ(outcome_.alpn, "http/1.1");
    EXPECT_EQ(outcome_.tls_version, "TLSv1.3");
    EXPECT_TRUE(outcome_.stream->is_secure());
    outcome_.stream->write(base::bytes_of("hello"));
    EXPECT_TRUE(log_reaches("bytes(hello)"));
    outcome_.stream->close();
    EXPECT_TRUE(log_reaches("closed(local)"));
    EXPECT_TRUE(run_until(loop_, [&] { return server_log_.ends_with("closed(ended)"); }))
        << server_log_;
}

TEST_P(DialerTls, FailuresOfTheCertificateAreToldApart) {
    const auto& all = certificates();
    const std::string to = ": cannot connect to a.example:443: ";
    const struct {
        CertificateFiles files;
        std::string want;  // The beginning.
    } cases[] = {
        {all.authority.issue("expired", {"DNS:a.example", -7200, -3600}),
         "tls_expired" + to + "the certificate has expired (it was valid until 20"},
        {all.authority.issue("other", {"DNS:b.example"}),
         "tls_host" + to + "the certificate is not for a.example; it names b.example"},
        {all.clients.issue("unknown", {"DNS:a.example"}),
         "tls_untrusted" + to + "the issuer of the certificate is not trusted"},
        {fake::make_certificate(all.directory, "self", "DNS:a.example"),
         "tls_untrusted" + to + "the certificate is self-signed and not trusted"},
    };
    const size_t before = fake::open_descriptors();
    for (const auto& [files, want] : cases) {
        serve(files);
        const std::string text = dial(request("a.example"));
        EXPECT_TRUE(text.starts_with(want)) << text;
        EXPECT_EQ(dial(request("a.example", context({.verify = false}))), connected());
        outcome_.stream->close(Stream::Close::reset);
        acceptor_.reset();
    }
    EXPECT_TRUE(run_until(loop_, [&] { return fake::open_descriptors() == before; }));
}

TEST_P(DialerTls, TheNameOfTheCertificateCanBeGiven) {
    serve(certificates().good);
    DialRequest to = request("b.example");
    to.server_name = "a.example";
    EXPECT_EQ(dial(std::move(to)), connected());
    EXPECT_EQ(dial(request("127.0.0.1")), connected());
}

TEST_P(DialerTls, AUnixDomainSocketNeedsAName) {
    const fake::TemporaryDirectory directory;
    serve(load({certificates().good}), "unix:" + directory.file("s"));
    DialRequest to = request("a.example");
    to.unix_path = directory.file("s");
    EXPECT_EQ(dial(std::move(to)), connected());
    to = request("");
    to.unix_path = directory.file("s");
    EXPECT_EQ(dial(std::move(to)), "name: cannot connect: not a host name");
    EXPECT_THROW(TlsSession(context(), "", 443), std::invalid_argument);
}

TEST_P(DialerTls, ASessionIsResumed) {
    serve(certificates().good);
    const auto tls = context();
    for (const bool resumed : {false, true, true}) {
        ASSERT_EQ(dial(request("a.example", tls)), connected());
        EXPECT_EQ(outcome_.tls_resumed, resumed);
        outcome_.stream->write(base::bytes_of("x"));
        EXPECT_TRUE(log_reaches("bytes(x)"));  // The ticket has come before.
        outcome_.stream->close(Stream::Close::reset);
        run_ticks(loop_, 2);
    }
}

TEST_P(DialerTls, AServerThatClosesIsToldApart) {
    serve(nullptr);
    EXPECT_EQ(dial(request("a.example")),
              "tls: cannot connect to a.example:443: the connection was closed during the TLS "
              "handshake");
}

TEST_P(DialerTls, AServerWithoutTlsIsToldApart) {
    const Descriptor plain = fake::listen_at("127.0.0.1:0");
    address_ = local_address(plain.get()).value();
    start(request("a.example"));
    ASSERT_TRUE(run_until(loop_, [&] { return fake::wait_for(plain.get(), POLLIN, 0); }));
    const Descriptor peer(::accept4(plain.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    fake::send_text(peer, "HTTP/1.1 400 Bad Request\r\n\r\n");
    ASSERT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
    EXPECT_EQ(outcome_.text,
              "tls: cannot connect to a.example:443: the server does not speak TLS 1.2 or 1.3");
}

TEST_P(DialerTls, ASilentServerIsNotWaitedForLonger) {
    const Descriptor silent = fake::listen_at("127.0.0.1:0");
    address_ = local_address(silent.get()).value();
    const size_t before = fake::open_descriptors();
    start(request("a.example"));
    run_ticks(loop_, 5);
    EXPECT_EQ(fake::open_descriptors(), before + 1);
    clock_.advance(10'000);
    ASSERT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
    EXPECT_EQ(
        outcome_.text,
        "timed_out: cannot connect to a.example:443 within 10000 ms: the TLS handshake is not "
        "finished");
    run_ticks(loop_, 3);
    EXPECT_EQ(fake::open_descriptors(), before);
}

TEST_P(DialerTls, ADialCanBeCancelledAtAnyPoint) {
    serve(certificates().good);
    const size_t before = fake::open_descriptors();
    bool connected = false;
    for (int ticks = 0; !connected; ++ticks) {
        ASSERT_LT(ticks, 100);
        start(request("a.example"));
        run_ticks(loop_, ticks);
        connected = outcome_.done();
        dial_.reset();
        if (connected) outcome_.stream->close(Stream::Close::reset);
        EXPECT_TRUE(run_until(loop_, [&] { return fake::open_descriptors() == before; })) << ticks;
    }
    EXPECT_TRUE(outcome_.text.starts_with("connected ")) << outcome_.text;
}

TEST_P(DialerTls, TheReceiverMayDestroyTheDialOrDropTheConnection) {
    serve(certificates().good);
    const size_t before = fake::open_descriptors();
    for (const bool keep : {true, false}) {
        for (const std::string host : {"a.example", "b.example"}) {
            outcome_.keep = keep;
            outcome_.then = [&] { dial_.reset(); };
            start(request(host));
            ASSERT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
            EXPECT_EQ(dial_, nullptr);
            if (keep && host == "a.example") outcome_.stream->close(Stream::Close::reset);
            EXPECT_TRUE(run_until(loop_, [&] { return fake::open_descriptors() == before; }));
        }
    }
}

// ---- OpenSSL's own server -----------------------------------------------------------------------

class OpensslServer {
public:
    explicit OpensslServer(std::vector<std::string> options)
        : program_([&] {
              const auto& good = certificates().good;
              std::vector<std::string> command = {"openssl",
                                                  "s_server",
                                                  "-accept",
                                                  "127.0.0.1:0",
                                                  "-rev",
                                                  "-cert",
                                                  good.certificate_chain_path,
                                                  "-key",
                                                  good.private_key_path};
              command.insert(command.end(), options.begin(), options.end());
              return command;
          }()) {
        EXPECT_TRUE(program_.prints("ACCEPT 127.0.0.1:")) << program_.printed();
        EXPECT_TRUE(program_.prints("\n"));
        const std::string& text = program_.printed();
        const size_t at = text.find("ACCEPT 127.0.0.1:") + 7;
        address = fake::address(text.substr(at, text.find('\n', at) - at));
    }
    Address address;

private:
    fake::Program program_;
};

TEST_P(DialerTls, OpensslsServerAnswersAndResumes) {
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
        const OpensslServer server({version});
        address_ = server.address;
        const auto tls = context();
        for (const bool resumed : {false, true, true}) {
            ASSERT_EQ(dial(request("a.example", tls)), connected());
            EXPECT_EQ(outcome_.tls_version, version == "-tls1_2" ? "TLSv1.2" : "TLSv1.3");
            EXPECT_EQ(outcome_.tls_resumed, resumed) << version;
            outcome_.stream->write(base::bytes_of("olleh\n"));  // Comes back reversed.
            EXPECT_TRUE(log_reaches("bytes(hello\n)")) << outcome_.log;
            outcome_.stream->close();
            EXPECT_TRUE(log_reaches("closed("));
        }
    }
}

TEST_P(DialerTls, ACertificateOfTheClientIsShown) {
    const auto& all = certificates();
    const auto with = context({.certificate = all.client});
    for (const std::string version : {"-tls1_2", "-tls1_3"}) {
        const OpensslServer server(
            {version, "-Verify", "1", "-verify_return_error", "-CAfile", all.clients.path()});
        address_ = server.address;
        ASSERT_EQ(dial(request("a.example", with)), connected());
        outcome_.stream->write(base::bytes_of("olleh\n"));
        EXPECT_TRUE(log_reaches("bytes(hello\n)")) << version << outcome_.log;
        outcome_.stream->close();
        EXPECT_TRUE(log_reaches("closed("));
    }
}

TEST_P(DialerTls, WithoutItsCertificateTheServerRefuses) {
    const std::vector<std::string> required = {"-Verify", "1", "-CAfile",
                                               certificates().clients.path()};
    {
        auto options = required;
        options.emplace_back("-tls1_2");
        const OpensslServer server(options);
        address_ = server.address;
        const std::string text = dial(request("a.example"));
        EXPECT_TRUE(
            text.starts_with("tls: cannot connect to a.example:443: the server refuses TLS: "))
            << text;
    }
    // With TLS 1.3 the server says so after the client's handshake is complete (RFC 8446 section
    // 4.4.2).
    auto options = required;
    options.emplace_back("-tls1_3");
    const OpensslServer server(options);
    address_ = server.address;
    std::string told;
    outcome_.then = [&] { outcome_.stream->replace_handler(std::make_unique<Told>(told)); };
    ASSERT_EQ(dial(request("a.example")), connected());
    EXPECT_TRUE(run_until(loop_, [&] { return told.ends_with("<failed>"); })) << told;
    EXPECT_TRUE(told.starts_with("the server refuses TLS: certificate required")) << told;
}

}  // namespace
}  // namespace starling::net
