// What a WebSocket says about names that do not resolve and about certificates, and that it does not go
// from wss to ws. The name server and the TLS server run on the client's loop.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "client/loop_core.h"
#include "net/acceptor.h"
#include "net/tls_filter.h"
#include "tests/client/fixture.h"
#include "tests/fake/authority.h"
#include "tests/fake/name_server.h"
#include "tests/net/tls_fixture.h"

namespace starling::client::test {
namespace {

using fake::NameServer;
using How = NameServer::How;

class ClientNames : public ::testing::Test {
protected:
    ClientNames() : names_(LoopCore::of(loop_).net()) {
        LoopCore::of(loop_).resolve_with(
            net::make_system_resolver(LoopCore::of(loop_).net(), {.timeout_ms = 60'000,
                                                                  .resolv_conf_path = "/dev/null",
                                                                  .servers = {names_.address()},
                                                                  .try_ms = 60'000}));
    }
    // Events, then the error.
    std::string connect(const std::string& url, WebSocketOptions options = {}) {
        WebSocket socket(loop_, url, std::move(options));
        Log log(socket);
        socket.onopen = [&] { socket.close(1000); };
        loop_.run();
        return log.text + (log.error.empty() ? "" : ": " + log.error);
    }

    ClientLoop loop_;
    NameServer names_;
};

TEST_F(ClientNames, that_do_not_resolve_are_told_apart) {
    names_.names["broken.example"] = {{}, {}, How::servfail, How::servfail};
    names_.names["silent.example"] = {{}, {}, How::never, How::never};
    std::set<std::string> told;
    for (const char* name : {"unknown.example", "broken.example", "silent.example"}) {
        // The name server answers the others, on a busy machine late.
        const auto patience = name == std::string("silent.example") ? 200ms : 60'000ms;
        const std::string text = connect("ws://" + std::string(name) + "/",
                                         {.handshake_timeout = patience, .proxy = ""});
        EXPECT_TRUE(text.starts_with("error close(1006): ")) << text;
        EXPECT_NE(text.find(name), std::string::npos) << text;
        told.insert(text.substr(0, text.find(name)) + text.substr(text.find(name) + 14));
    }
    EXPECT_EQ(told.size(), 3U);
}

TEST_F(ClientNames, an_answer_that_comes_late) {
    ScriptServer server([](Peer& peer) {
        peer.accept();
        EXPECT_EQ(peer.next(), "close(1000)");
        peer.write_hex("88 02 03e8");
        peer.end();
        peer.wait_for_end();
    });
    names_.names["late.example"] = {{"127.0.0.1"}, {}, How::hold, How::answer};
    ClientLoop::Timer look = 0;
    bool released = false;
    look = loop_.every(1ms, [&] {
        if (names_.held() == 0) return;
        names_.release();
        released = true;
        loop_.cancel(look);
    });
    EXPECT_EQ(connect("ws://late.example:" + std::to_string(server.port()) + "/", {.proxy = ""}),
              "open close(1000 clean)");
    EXPECT_TRUE(released);
}

// Destroyed while its name is looked up.
TEST_F(ClientNames, a_socket_that_does_not_wait) {
    names_.names["silent.example"] = {{}, {}, How::never, How::never};
    auto socket =
        std::make_unique<WebSocket>(loop_, "ws://silent.example/", WebSocketOptions{.proxy = ""});
    ClientLoop::Timer look = 0;
    look = loop_.every(1ms, [&] {
        if (names_.asked.empty()) return;
        socket.reset();
        loop_.cancel(look);
    });
    loop_.run();
    EXPECT_FALSE(socket);
}

// Answers the first bytes with a redirect to a plain WebSocket.
class Redirects final : public net::StreamHandler {
public:
    void on_bytes(std::span<std::byte>& input) override {
        input = {};
        stream_->write(base::bytes_of(std::string_view(
            "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")));
    }
    void on_closed(net::CloseReason) override {}
};

TEST(ClientCertificates, are_told_apart) {
    const fake::TemporaryDirectory directory;
    const fake::Authority authority{directory}, other{directory, "other"};
    struct Case {
        const char* name;
        net::CertificateFiles files;
        const char* error;  // A part of it.
    };
    const Case cases[] = {
        {"good", authority.issue("good", {"DNS:chat.example"}), "from wss to ws"},
        {"expired", authority.issue("expired", {"DNS:chat.example", -7200, -3600}), "expired"},
        {"future", authority.issue("future", {"DNS:chat.example", 3600, 7200}), "not valid yet"},
        {"other host", authority.issue("host", {"DNS:mail.example"}), "chat.example"},
        {"unknown authority", other.issue("unknown", {"DNS:chat.example"}), "issuer"},
        {"self-signed", fake::make_certificate(directory, "self", "DNS:chat.example"), "self"},
    };
    std::set<std::string> told;
    for (const Case& c : cases) {
        ClientLoop loop;
        net::Loop& net = LoopCore::of(loop).net();
        net::Descriptor listening = fake::listen_at("127.0.0.1:0");
        const std::string address = net::local_address(listening.get())->to_string();
        net::Acceptor acceptor(net, std::move(listening), [&](net::Descriptor fd) {
            net.open(std::move(fd), std::make_unique<Redirects>(),
                     std::make_unique<net::TlsFilter>(
                         std::make_unique<net::TlsSession>(net::load({c.files}))));
        });
        WebSocket socket(loop, "wss://chat.example/",
                         {.tls = {.ca_path = authority.path()},
                          .proxy = "",
                          .resolve = {{.host = "chat.example", .address = address}},
                          .redirects_max = 10});
        Log log(socket);
        socket.onclose = [&] { loop.stop(); };
        loop.run();
        EXPECT_EQ(log.text, "error close(1006)") << c.name;
        EXPECT_NE(log.error.find(c.error), std::string::npos) << c.name << ": " << log.error;
        told.insert(log.error);
    }
    EXPECT_EQ(told.size(), std::size(cases));
}

}  // namespace
}  // namespace starling::client::test
