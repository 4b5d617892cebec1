// Requests over TLS: which certificates are trusted, and the error for an untrusted one.
#include <gtest/gtest.h>

#include <string>

#include "tests/fetch/fixture.h"

namespace starling::fetch {
namespace {

struct Certificates {
    fake::TemporaryDirectory directory;
    net::CertificateFiles ours = make("ours", "IP:127.0.0.1,DNS:localhost");
    net::CertificateFiles others = make("others", "IP:127.0.0.1");
    net::CertificateFiles other_name = make("other_name", "DNS:app.example");

    net::CertificateFiles make(const char* stem, const char* names) {
        return fake::make_certificate(directory, stem, names);
    }
};

class TlsFetch : public FetchBase {
protected:
    static const Certificates& certificates() {
        static const Certificates all;
        return all;
    }
    static const std::string& trusted() { return certificates().ours.certificate_chain_path; }

    App app_{loop_, "127.0.0.1:0", net::load({certificates().ours})};
};

TEST_F(TlsFetch, ARequestAndItsAnswer) {
    app_.on_call(
        [](net::Stream& stream, const App::Call& call) { App::say(stream, ok(call.body)); });
    Target& target = fetcher_->add({.url = app_.url(), .ca_path = trusted()});
    for (const size_t size : {1, 1'000, 60'000}) {
        const Result result = fetch(target, std::string(size, 'x'));
        EXPECT_EQ(result.status, 200) << result.error;
        EXPECT_EQ(result.body, std::string(size, 'x'));
    }
    EXPECT_EQ(app_.connections, 1);
}

TEST_F(TlsFetch, ALargeBody) {
    const std::string body(3'000'000, 'x');
    const Result result =
        fetch({.url = app_.url(), .ca_path = trusted(), .timeout_ms = 60'000}, body);
    EXPECT_EQ(result.status, 200) << result.error;
    ASSERT_EQ(app_.calls.size(), 1u);
    EXPECT_TRUE(app_.calls[0].body == body);
}

TEST_F(TlsFetch, ACertificateThatNobodyVouchesFor) {
    for (const std::string& ca : {std::string(), certificates().others.certificate_chain_path}) {
        const Result result = fetch({.url = app_.url(), .ca_path = ca});
        EXPECT_EQ(result.status, 0);
        EXPECT_FALSE(result.sent);
        EXPECT_EQ(result.error, "the certificate is not valid: self-signed certificate");
    }
    EXPECT_TRUE(app_.calls.empty());
}

TEST_F(TlsFetch, ACertificateOfAnotherName) {
    App other(loop_, "127.0.0.1:0", net::load({certificates().other_name}));
    const Result result =
        fetch({.url = other.url(), .ca_path = certificates().other_name.certificate_chain_path});
    EXPECT_EQ(result.status, 0);
    EXPECT_FALSE(result.sent);
    EXPECT_TRUE(result.error.starts_with("the certificate is not valid: ")) << result.error;
    EXPECT_NE(result.error.find("127.0.0.1"), std::string::npos) << result.error;
}

TEST_F(TlsFetch, AServerWithoutTls) {
    App plain(loop_);
    plain.on_part([](net::Stream& stream, size_t) {
        App::say(stream, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    const Result result = fetch(
        {.url = "https://127.0.0.1:" + std::to_string(plain.port()) + "/", .ca_path = trusted()});
    EXPECT_EQ(result.status, 0);
    EXPECT_FALSE(result.sent);
    EXPECT_TRUE(result.error.starts_with("TLS failed: ")) << result.error;
}

TEST_F(TlsFetch, AHandshakeThatStalls) {
    App plain(loop_);
    const Result result = fetch({.url = "https://127.0.0.1:" + std::to_string(plain.port()) + "/",
                                 .ca_path = trusted(),
                                 .connect_timeout_ms = 50,
                                 .timeout_ms = 60'000});
    EXPECT_EQ(result.status, 0);
    EXPECT_FALSE(result.sent);
    EXPECT_EQ(result.error, "no connection within 50 ms");
}

TEST_F(TlsFetch, AHandshakeThatEnds) {
    for (const auto how : {net::Stream::Close::flush, net::Stream::Close::reset}) {
        App plain(loop_);
        plain.on_part([&](net::Stream& stream, size_t) { stream.close(how); });
        const Result result =
            fetch({.url = "https://127.0.0.1:" + std::to_string(plain.port()) + "/",
                   .ca_path = trusted()});
        EXPECT_EQ(result.status, 0);
        EXPECT_FALSE(result.sent);
        EXPECT_TRUE(result.error.starts_with("TLS failed")) << result.error;
    }
}

TEST_F(TlsFetch, TheConnectionEndsInPlaceOfAnAnswer) {
    for (const auto how : {net::Stream::Close::flush, net::Stream::Close::reset}) {
        Target& target = fetcher_->add({.url = app_.url(), .ca_path = trusted()});
        app_.answer(ok());
        EXPECT_EQ(fetch(target).status, 200);
        app_.on_call([&](net::Stream& stream, const App::Call&) { stream.close(how); });
        app_.calls.clear();
        const int connections = app_.connections;
        const Result result = fetch(target);
        EXPECT_EQ(result.status, 0);
        EXPECT_TRUE(result.sent);
        EXPECT_EQ(result.error, "the connection was closed before an answer came");
        EXPECT_EQ(app_.calls.size(), 1u);
        EXPECT_EQ(app_.connections, connections);
    }
}

TEST_F(TlsFetch, AnIdleConnectionThatEndedIsReplaced) {
    Target& target = fetcher_->add({.url = app_.url(), .ca_path = trusted()});
    EXPECT_EQ(fetch(target).status, 200);
    app_.stream(1)->close(net::Stream::Close::reset);
    fake::run_ticks(loop_, 5);
    EXPECT_EQ(fetch(target).status, 200);
    EXPECT_EQ(app_.connections, 2);
}

TEST_F(TlsFetch, TheConnectionEndsBeforeTheWholeBody) {
    app_.on_part([](net::Stream& stream, size_t) { stream.close(net::Stream::Close::reset); });
    const Result result = fetch({.url = app_.url(), .ca_path = trusted(), .timeout_ms = 60'000},
                                std::string(20'000'000, 'x'));
    EXPECT_EQ(result.status, 0);
    EXPECT_FALSE(result.sent);
    EXPECT_EQ(result.error, "the connection was closed before the request was sent");
}

}  // namespace
}  // namespace starling::fetch
