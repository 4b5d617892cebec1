// Dials through a proxy of the test.
#include <gtest/gtest.h>

#include <string>

#include "base/text.h"
#include "net/tls_client.h"
#include "net/tls_filter.h"
#include "proxy/connect_tunnel.h"
#include "tests/fake/authority.h"
#include "tests/net/dial_fixture.h"
#include "tests/net/tls_fixture.h"

namespace starling::proxy {
namespace {

using fake::run_ticks;
using fake::run_until;
using fake::StreamScript;

class DialThroughProxy : public ::testing::TestWithParam<fake::BackendKind> {
protected:
    DialThroughProxy()
        : loop_(GetParam().make(late_), {}, clock_.source()),
          dialer_(loop_, resolver_),
          listening_(fake::listen_at("127.0.0.1:0")),
          server_{.host = "127.0.0.1", .port = net::port_of(listening_)} {}

    void dial(std::shared_ptr<const net::TlsClientContext> tls = nullptr) {
        outcome_.text.clear();
        auto proxy = dial_through(server_, "a.example", 80);
        ASSERT_TRUE(proxy);
        dial_ = dialer_.dial({.host = "a.example",
                              .port = 80,
                              .tls = std::move(tls),
                              .proxy = *std::move(proxy),
                              .timeout_ms = 5000},
                             outcome_);
    }
    // Accepts, and waits for the whole request.
    void accept() {
        ASSERT_TRUE(run_until(loop_, [&] { return fake::wait_for(listening_.get(), POLLIN, 0); }));
        peer_ = net::Descriptor(
            ::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        request_.clear();
        ASSERT_TRUE(run_until(loop_, [&] {
            request_ += fake::receive_text(peer_);
            return request_.ends_with("\r\n\r\n");
        }));
    }
    std::string result() {
        EXPECT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
        dial_.reset();
        return outcome_.text;
    }
    [[nodiscard]] std::string proxy() const { return "127.0.0.1:" + std::to_string(server_.port); }
    [[nodiscard]] std::string failed() const {
        return "proxy: cannot connect to a.example:80 through the proxy " + proxy() + ": ";
    }

    fake::LateControl late_;
    fake::Clock clock_;
    net::DialOutcome outcome_;
    std::string server_log_;
    net::Loop loop_;
    fake::Resolver resolver_;
    net::Dialer dialer_;
    net::Descriptor listening_, peer_;
    Server server_;
    std::string request_;
    std::unique_ptr<net::Dial> dial_;
};

INSTANTIATE_TEST_SUITE_P(All, DialThroughProxy, ::testing::ValuesIn(fake::backend_kinds),
                         fake::kind_name);

TEST_P(DialThroughProxy, TheProxyLooksTheNameUp) {
    server_.credentials = Credentials{"user", "pass"};
    dial();
    accept();
    EXPECT_EQ(request_,
              "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n"
              "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n");
    fake::send_text(peer_, "HTTP/1.1 200 OK\r\n\r\n");
    EXPECT_EQ(result(), "connected " + proxy());
    EXPECT_TRUE(resolver_.asked.empty());
    outcome_.stream->write(base::bytes_of("hello"));
    std::string got;
    EXPECT_TRUE(run_until(loop_, [&] { return (got += fake::receive_text(peer_)) == "hello"; }));
    fake::send_text(peer_, "hi");
    EXPECT_TRUE(run_until(loop_, [&] { return outcome_.log == "bytes(hi)"; })) << outcome_.log;
}

TEST_P(DialThroughProxy, TheAnswerMayComeInPiecesAndTheHostMaySpeakFirst) {
    dial();
    accept();
    for (const char c : std::string("HTTP/1.1 200 Connection established\r\nX: y\r\n\r")) {
        fake::send_text(peer_, std::string(1, c));
        run_ticks(loop_, 1);
    }
    EXPECT_EQ(outcome_.text, "");
    fake::send_text(peer_, "\n220 ready");
    EXPECT_EQ(result(), "connected " + proxy());
    EXPECT_TRUE(run_until(loop_, [&] { return outcome_.log == "bytes(220 ready)"; }))
        << outcome_.log;
}

TEST_P(DialThroughProxy, ItsRefusalsAreTold) {
    const struct {
        std::string answer, want;
        int status;
    } cases[] = {
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
         "the proxy answered 407 (it wants a user and a password): Proxy Authentication Required",
         407},
        {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\nnothing",
         "the proxy answered 503: Service Unavailable", 503},
        {"", "the proxy closed the connection without an answer", 0},
        {"HTTP/1.1 200", "the proxy closed the connection without an answer", 0},
    };
    const size_t before = fake::open_descriptors();
    for (const auto& [answer, want, status] : cases) {
        dial();
        accept();
        fake::send_text(peer_, answer);
        ::shutdown(peer_.get(), SHUT_WR);
        EXPECT_TRUE(run_until(loop_, [&] { return outcome_.done(); }));
        EXPECT_EQ(fake::open_descriptors(), before + 1) << "only the peer's";
        run_ticks(loop_, 3);
        EXPECT_EQ(outcome_.text, failed() + want) << "told once";
        EXPECT_EQ(outcome_.proxy_status, status);
        peer_.reset();
        EXPECT_EQ(fake::open_descriptors(), before);
    }
}

TEST_P(DialThroughProxy, AProxyThatIsNotThereIsTold) {
    server_.port = net::free_port();
    dial();
    EXPECT_EQ(result(),
              "refused: the proxy: cannot connect to " + proxy() + ": connection refused");
    server_ = {.host = "proxy.example", .port = 3128};
    dial();
    ASSERT_TRUE(run_until(loop_, [&] { return resolver_.is_open("proxy.example"); }));
    resolver_.fail("proxy.example",
                   {net::ResolveError::Kind::not_found, "the name does not exist"});
    EXPECT_EQ(result(), "name: the proxy: cannot find proxy.example:3128: the name does not exist");
}

TEST_P(DialThroughProxy, ASilentProxyIsNotWaitedForLonger) {
    dial();
    accept();
    clock_.advance(5000);
    EXPECT_EQ(result(),
              "timed_out: cannot connect to a.example:80 within 5000 ms: no answer from "
              "the proxy");
    run_ticks(loop_, 2);
    EXPECT_EQ(fake::receive_text(peer_), "<end>");
}

TEST_P(DialThroughProxy, ADialCanBeCancelledAtAnyPoint) {
    const size_t before = fake::open_descriptors();
    for (int step = 0; step < 4; ++step) {
        dial();
        if (step > 0) run_ticks(loop_, 1);
        if (step > 1) accept();
        if (step > 2) {
            fake::send_text(peer_, "HTTP/1.1 200");
            run_ticks(loop_, 2);
        }
        dial_.reset();
        peer_.reset();
        while (fake::wait_for(listening_.get(), POLLIN, 0))
            ::close(::accept(listening_.get(), nullptr, nullptr));
        EXPECT_EQ(fake::open_descriptors(), before) << step;
        EXPECT_EQ(outcome_.text, "") << step;
    }
}

TEST_P(DialThroughProxy, TlsIsSpokenWithTheHost) {
    const fake::TemporaryDirectory directory;
    const fake::Authority authority(directory);
    const auto tls = net::load({authority.issue("host", {"DNS:a.example"})});
    const auto client = net::TlsClientContext::make({.ca_path = authority.path()});
    ASSERT_TRUE(client);
    dial(*client);
    accept();
    // From here on the proxy's socket is the host's.
    fake::send_text(peer_, "HTTP/1.1 200 OK\r\n\r\n");
    auto echo = std::make_unique<StreamScript>(server_log_);
    echo->bytes = [](net::Stream& stream, StreamScript::Input& input) {
        stream.write(input);
        input = {};
    };
    loop_.open(std::move(peer_), std::move(echo),
               std::make_unique<net::TlsFilter>(std::make_unique<net::TlsSession>(tls)));
    EXPECT_EQ(result(), "connected " + proxy());
    EXPECT_EQ(outcome_.tls_version, "TLSv1.3");
    outcome_.stream->write(base::bytes_of("hello"));
    EXPECT_TRUE(run_until(loop_, [&] { return outcome_.log == "bytes(hello)"; })) << outcome_.log;

    dial(*client);
    accept();
    fake::send_text(peer_, "HTTP/1.1 200 OK\r\n\r\nearly");
    EXPECT_EQ(result(),
              "proxy: cannot connect to a.example:80: the proxy sent bytes after its "
              "answer, before TLS");
}

}  // namespace
}  // namespace starling::proxy
