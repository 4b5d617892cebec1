// Who the client of a connection is: behind proxies that send fields or the PROXY protocol.
#include <gtest/gtest.h>
#include <starling/auth.h>
#include <starling/server.h>
#include <starling/socketio.h>
#include <unistd.h>

#include <future>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using namespace std::string_literals;

// Routes that tell what the server knows of its client.
void tell_clients(TestServer& t) {
    t.server.get("/who", [](const http::Request& request, http::Response& response) {
        response.text(std::string(request.remote_address()) +
                      (request.from_trusted_proxy() ? " trusted" : "") +
                      (request.proxied() ? " proxied" : ""));
    });
    t.server.websocket(
        "/ws", {.open = [](ws::Socket s) { s.send(s.remote_address()); },
                .message = [](ws::Socket s, ws::Message) { s.send(s.remote_address()); },
                .close = [&t](ws::Socket s, uint16_t,
                              std::string_view) { t.events.add("closed " + s.remote_address()); }});
}

std::string who(Client& client, std::string_view fields = "") {
    return client.get("/who", fields).body;
}

TEST(ClientAddress, IsThatOfThePeerWithoutATrustedProxy) {
    TestServer t;
    tell_clients(t);
    t.start();
    Client client(t.port());
    EXPECT_EQ(who(client,
                  "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n"
                  "X-Real-IP: 203.0.113.9\r\n"),
              "127.0.0.1");
    TestServer other({.trusted_proxies = {"10.0.0.0/8", "unix"}});
    tell_clients(other);
    other.start();
    Client untrusted(other.port());
    EXPECT_EQ(who(untrusted, "X-Forwarded-For: 203.0.113.9\r\n"), "127.0.0.1");
}

TEST(ClientAddress, IsWhatATrustedProxyNames) {
    TestServer t({.trusted_proxies = {"127.0.0.1", "10.0.0.0/8"}, .access_log = true});
    tell_clients(t);
    t.start();
    Client proxy(t.port());
    // One connection of a proxy carries the requests of several clients.
    EXPECT_EQ(who(proxy, "X-Forwarded-For: 203.0.113.9\r\n"), "203.0.113.9 trusted proxied");
    EXPECT_EQ(who(proxy, "X-Forwarded-For: 1.2.3.4, 2001:db8::7, 10.1.1.1\r\n"),
              "2001:db8::7 trusted proxied");
    EXPECT_EQ(who(proxy), "127.0.0.1 trusted proxied");
    EXPECT_EQ(who(proxy, "Forwarded: for=203.0.113.9\r\n"), "127.0.0.1 trusted proxied");
    EXPECT_EQ(who(proxy, "X-Forwarded-For: nonsense\r\n"), "127.0.0.1 trusted proxied");
    EXPECT_EQ(t.stats().client_addresses_malformed, 1u);
    EXPECT_TRUE(t.log->lines.wait_for("request 203.0.113.9 GET /who 200 27"));
    EXPECT_TRUE(t.log->lines.wait_for("request 2001:db8::7 GET /who 200 27"));
}

TEST(ClientAddress, IsKeptForAWebSocket) {
    TestServer t(
        {.trusted_proxies = {"127.0.0.1"}, .client_address_field = ClientAddressField::forwarded});
    tell_clients(t);
    t.start();
    for (const std::string address : {"203.0.113.9", "2001:db8::7"}) {
        WsClient client(t.port(), "/ws", "Forwarded: for=\"[" + address + "]\"\r\n");
        // An IPv4 address has no brackets.
        const std::string want =
            address[0] == '2' && address[1] == '0' && address[2] == '3' ? "127.0.0.1" : address;
        EXPECT_EQ(client.next(), "text(" + want + ")");
        client.send_text("again");
        EXPECT_EQ(client.next(), "text(" + want + ")");
        client.reset();  // After which the kernel does not know the peer.
        EXPECT_TRUE(t.events.wait_for("closed " + want));
    }
    EXPECT_TRUE(t.all_gone());
    WsClient direct(t.port(), "/ws");  // In the slot of the one before.
    EXPECT_EQ(direct.next(), "text(127.0.0.1)");
}

void tell_schemes(TestServer& t) {
    t.server.get("/scheme", [](const http::Request& request, http::Response& response) {
        response.text(request.secure() ? "tls" : "clear");
    });
    t.server.websocket("/ws", {.open = [](ws::Socket s) { s.send("in"); }});
    t.server.socketio().on_connection(
        [&](sio::Socket s) { t.events.add(s.handshake().secure ? "tls" : "clear"); });
}

TEST(ClientScheme, IsWhatATrustedProxySays) {
    TestServer t({.trusted_proxies = {"127.0.0.1"}});
    tell_schemes(t);
    t.start();
    Client proxy(t.port());
    const auto scheme = [&proxy](std::string_view fields) {
        return proxy.get("/scheme", fields).body;
    };
    EXPECT_EQ(scheme(""), "clear");
    EXPECT_EQ(scheme("X-Forwarded-Proto: https\r\n"), "tls");
    EXPECT_EQ(scheme(""), "clear");  // The same connection of the proxy, another client.
    EXPECT_EQ(scheme("Forwarded: for=203.0.113.9;proto=https\r\n"), "clear");
    EXPECT_EQ(t.stats().client_addresses_malformed, 0u);
    EXPECT_EQ(scheme("X-Forwarded-Proto: gopher\r\n"), "clear");
    EXPECT_EQ(t.stats().client_addresses_malformed, 1u);

    // A page of http is of another origin than a client that speaks TLS.
    for (const std::string_view origin : {"https://site.test", "http://site.test"}) {
        const auto open = [&](std::string_view proto) {
            Client client(t.port());
            return client
                .request(
                    "GET /ws HTTP/1.1\r\nHost: site.test\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: " +
                    std::string(origin) + "\r\nX-Forwarded-Proto: " + std::string(proto) +
                    "\r\n\r\n")
                .status;
        };
        EXPECT_EQ(open("http"), 101);
        EXPECT_EQ(open("https"), origin == "https://site.test" ? 101 : 403);
        EXPECT_EQ(open("wss"), origin == "https://site.test" ? 101 : 403);
    }
    WsClient client(t.port(), "/socket.io/?EIO=4&transport=websocket",
                    "X-Forwarded-Proto: https\r\n");
    EXPECT_TRUE(client.next().starts_with("text(0{"));
    client.send_text("40");
    EXPECT_TRUE(t.events.wait_for("tls"));
}

TEST(ClientScheme, IsThatOfTheConnectionForOtherPeers) {
    for (const std::string proxies : {"10.0.0.0/8", ""}) {
        ServerOptions options;
        if (!proxies.empty()) options.trusted_proxies = {proxies};
        TestServer t(std::move(options));
        tell_schemes(t);
        t.start();
        Client client(t.port());
        EXPECT_EQ(client.get("/scheme", "X-Forwarded-Proto: https\r\n").body, "clear");
        EXPECT_EQ(client.get("/scheme", "Forwarded: proto=https\r\n").body, "clear");
    }
}

TEST(ClientAddress, IsThatOfASocketIoHandshake) {
    TestServer t({.trusted_proxies = {"127.0.0.1"}});
    auto& io = t.server.socketio();
    io.on_connection([&](sio::Socket socket) { t.events.add(socket.handshake().address); });
    t.start();
    WsClient client(t.port(), "/socket.io/?EIO=4&transport=websocket",
                    "X-Forwarded-For: 203.0.113.9\r\n");
    EXPECT_TRUE(client.next().starts_with("text(0{"));
    client.send_text("40");
    EXPECT_TRUE(t.events.wait_for("203.0.113.9"));
}

TEST(ClientAddress, DecidesWhoMayNameUsers) {
    const auth::Authenticator authenticator({.user_header = "X-User"});
    TestServer t({.trusted_proxies = {"127.0.0.1"}});
    t.server.get("/user", [&](const http::Request& request, http::Response& response) {
        const auto verdict = authenticator.identify(request, 1000);
        response.text(verdict ? verdict.identity->user : "nobody");
    });
    t.start();
    Client client(t.port());
    const std::string fields = "X-User: ada\r\nX-Forwarded-For: 203.0.113.9\r\n";
    EXPECT_EQ(client.get("/user", fields).body, "ada");
    TestServer other;
    other.server.get("/user", [&](const http::Request& request, http::Response& response) {
        response.text(authenticator.identify(request, 1000) ? "somebody" : "nobody");
    });
    other.start();
    Client direct(other.port());
    EXPECT_EQ(direct.get("/user", fields).body, "nobody");
}

// The kernel forgets the address of a peer that resets, but delivers what it sent before.
TEST(ClientAddress, APeerThatResetIsNotOnAUnixSocket) {
    const auth::Authenticator authenticator({.user_header = "X-User", .trusted_proxies = {"unix"}});
    for (const bool limited : {false, true}) {
        ServerOptions options{.workers = 1, .trusted_proxies = {"unix"}};
        if (!limited) options.limits = {.connections_per_address_max = 0};
        TestServer t(std::move(options));
        t.server.get("/user", [&](const http::Request& request, http::Response&) {
            t.events.add("address " + std::string(request.remote_address()) +
                         (request.from_trusted_proxy() ? " trusted" : "") +
                         (authenticator.identify(request, 1000) ? " a user" : " nobody"));
        });
        t.start();
        std::promise<void> busy, release;
        t.server.post([&busy, until = release.get_future().share()] {
            busy.set_value();
            until.wait();
        });
        busy.get_future().wait();
        Client client(t.port());
        client.send("GET /user HTTP/1.1\r\nHost: a\r\nX-User: ada\r\n\r\n");
        client.reset();
        release.set_value();
        EXPECT_TRUE(t.events.wait_for("address unknown nobody")) << t.events.text();
    }
}

TEST(ClientAddress, OptionsAreCheckedAtTheStart) {
    EXPECT_THROW(TestServer({.trusted_proxies = {"everybody"}}).start(), std::invalid_argument);
    EXPECT_THROW(TestServer({.limits = {.exempt = {"0.0.0.0/0"}}}).start(), std::invalid_argument);
    EXPECT_EQ(fault_of_address_range("10.0.0.0/8"), std::nullopt);
    EXPECT_NE(fault_of_address_range("10.0.0.1/8"), std::nullopt);
}

// ---- the PROXY protocol -------------------------------------------------------------------------

const std::string v1_header = "PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n";
const std::string v2_start = "\r\n\r\n\0\r\nQUIT\n"s;

ServerOptions behind_proxy(std::vector<std::string> from) {
    return {.listen = {{.address = "127.0.0.1:0", .proxy_protocol_from = std::move(from)}}};
}

TEST(ProxyProtocol, NamesTheClientOfAConnection) {
    auto options = behind_proxy({"127.0.0.0/8"});
    options.access_log = true;
    TestServer t(std::move(options));
    tell_clients(t);
    t.start();
    Client client(t.port());
    client.send(v1_header);
    EXPECT_EQ(who(client), "203.0.113.9 proxied");
    EXPECT_EQ(who(client, "X-Forwarded-For: 1.2.3.4\r\n"), "203.0.113.9 proxied");
    EXPECT_TRUE(t.log->lines.wait_for("request 203.0.113.9 GET /who 200 19", 2));

    // Byte by byte, and the request in the same segment as the end of the header.
    Client slow(t.port());
    const std::string v2 = v2_start + "\x21\x11\x00\x0f\xcb\x00\x71\x08\x0a\x00\x00\x01\x12\x34"s +
                           "\x01\xbb\x04\x00\x00"s;
    for (const char c : v2.substr(0, v2.size() - 1)) {
        slow.send({&c, 1});
        ASSERT_TRUE(eventually([&] { return slow.all_taken(); }));
    }
    slow.send("\0GET /who HTTP/1.1\r\nHost: here\r\n\r\n"s);
    EXPECT_EQ(slow.answer().body, "203.0.113.8 proxied");

    Client check(t.port());  // The proxy's own connection.
    check.send(v2_start + "\x20\x00\x00\x00"s);
    EXPECT_EQ(who(check), "127.0.0.1");
    Client hidden(t.port());
    hidden.send("PROXY UNKNOWN\r\n");
    EXPECT_EQ(who(hidden), "unknown proxied");
    EXPECT_EQ(t.stats().proxy_headers_refused, 0u);
}

TEST(ProxyProtocol, IsThePeerOfHttpAndWebSocket) {
    auto options = behind_proxy({"127.0.0.1"});
    options.trusted_proxies = {"203.0.113.9"};
    TestServer t(std::move(options));
    tell_clients(t);
    t.start();
    // A proxy for HTTP behind one for TCP.
    Client client(t.port());
    client.send(v1_header);
    EXPECT_EQ(who(client, "X-Forwarded-For: 198.51.100.7\r\n"), "198.51.100.7 trusted proxied");
    Client socket(t.port());
    socket.send(v1_header + upgrade_request("/ws"));
    EXPECT_EQ(socket.answer().status, 101);
    EXPECT_EQ(socket.read(13), "\x81\x0b" + "203.0.113.9"s);
    socket.close();
    EXPECT_TRUE(t.events.wait_for("closed 203.0.113.9"));
}

TEST(ProxyProtocol, ClosesWhatHasNoHeader) {
    TestServer t(behind_proxy({"127.0.0.1"}));
    tell_clients(t);
    t.start();
    const std::string wrong[] = {"G", "\x16\x03\x01", "PROXY TCP4 x", "PROXY TCP9\r\n",
                                 "\r\n\r\n\1"};
    uint64_t refused = 0;
    for (const std::string& bytes : wrong) {
        Client client(t.port());
        client.send(bytes.ends_with('x') ? bytes + "\r\n" : bytes);
        EXPECT_NE(client.read_to_end(), "<timeout>") << bytes;
        EXPECT_EQ(t.stats().proxy_headers_refused, ++refused) << bytes;
    }
    Client idle(t.port());
    idle.end();  // A check whether the port is open.
    EXPECT_EQ(idle.read_to_end(), "<end>");
    EXPECT_EQ(t.stats().proxy_headers_refused, refused);
    EXPECT_EQ(t.stats().connections_accepted, 0u);
}

TEST(ProxyProtocol, ClosesPeersThatMayNotSpeakIt) {
    TestServer t(behind_proxy({"10.0.0.0/8"}));
    tell_clients(t);
    t.start();
    Client client(t.port());
    client.send(v1_header);
    EXPECT_NE(client.read_to_end(), "<timeout>");
    EXPECT_TRUE(eventually([&] { return t.stats().proxy_headers_refused == 1; }));
    EXPECT_THROW(TestServer(behind_proxy({"nobody"})).start(), std::runtime_error);
}

TEST(ProxyProtocol, WaitsForAHeaderOnlySoLong) {
    auto options = behind_proxy({"127.0.0.1"});
    options.http.head_timeout = 20ms;
    options.connections_max = 1;
    TestServer t(std::move(options));
    t.start();
    Client silent(t.port());
    silent.send("PROXY TCP4");
    EXPECT_NE(silent.read_to_end(), "<timeout>");
    EXPECT_EQ(t.stats().proxy_headers_refused, 1u);
    // Its place among the connections is free again. The next client may be late, too.
    EXPECT_TRUE(eventually([&] {
        Client next(t.port());
        next.send(v1_header);
        return next.get("/").status == 404;
    }));
}

TEST(ProxyProtocol, AStopClosesConnectionsThatWait) {
    TestServer t(behind_proxy({"127.0.0.1"}));
    tell_clients(t);
    t.start();
    Client first(t.port()), waiting(t.port());
    waiting.send("PROXY ");
    first.send(v1_header);
    EXPECT_EQ(who(first), "203.0.113.9 proxied");
    t.server.stop();
    EXPECT_NE(waiting.read_to_end(), "<timeout>");
    t.server.wait();
}

TEST(ProxyProtocol, OnAUnixDomainSocket) {
    const std::string path = "/tmp/starling-proxy-" + std::to_string(::getpid()) + ".sock";
    TestServer t({.listen = {{.address = "unix:" + path, .proxy_protocol_from = {"unix"}}}});
    tell_clients(t);
    t.start();
    Client client(path);
    client.send(v1_header);
    EXPECT_EQ(who(client), "203.0.113.9 proxied");
}

}  // namespace
}  // namespace starling::server::test
