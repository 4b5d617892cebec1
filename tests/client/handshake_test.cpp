// Opening handshakes of a WebSocket with servers that answer well, badly, or not at all.
#include <starling/client.h>

#include "tests/client/fixture.h"

namespace starling::client::test {
namespace {

struct Outcome {
    std::string events, error, body;
    int status = 0;
};

Outcome connect(const std::string& url, WebSocketOptions options = {}) {
    ClientLoop loop;
    WebSocket socket(loop, url, std::move(options));
    Log log(socket);
    socket.onopen = [&] { socket.close(1000, "bye"); };
    loop.run();
    EXPECT_EQ(socket.ready_state(), WebSocket::CLOSED);
    return {log.text, log.error, log.body, log.status};
}

void bid_farewell(Peer& peer) {
    EXPECT_EQ(peer.next(), "close(1000 bye)");
    peer.write_hex("88 05 03e8 627965");
    peer.end();
    peer.wait_for_end();
}

TEST(ClientHandshake, a_connection) {
    ScriptServer server([](Peer& peer) {
        const std::string head = peer.accept();
        EXPECT_TRUE(head.starts_with("GET /a%20b?c=d HTTP/1.1\r\nHost: 127.0.0.1:")) << head;
        EXPECT_EQ(Peer::field(head, "Sec-WebSocket-Version"), "13");
        EXPECT_EQ(Peer::field(head, "Sec-WebSocket-Key").size(), 24U);
        for (const char* absent :
             {"Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Authorization"})
            EXPECT_EQ(Peer::field(head, absent), "") << absent;
        bid_farewell(peer);
    });
    EXPECT_EQ(connect(server.url("/a b?c=d")).events, "open close(1000 bye clean)");
}

TEST(ClientHandshake, what_is_asked_and_answered) {
    ScriptServer server([](Peer& peer) {
        const std::string head = peer.accept(
            "Sec-WebSocket-Protocol: superchat\r\nSec-WebSocket-Extensions: permessage-deflate; "
            "server_no_context_takeover; client_max_window_bits=10; server_max_window_bits=9\r\n");
        EXPECT_EQ(Peer::field(head, "Origin"), "https://example.com");
        EXPECT_EQ(Peer::field(head, "Sec-WebSocket-Protocol"), "chat, superchat");
        EXPECT_EQ(Peer::field(head, "Sec-WebSocket-Extensions"),
                  "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; "
                  "client_max_window_bits=12");
        EXPECT_EQ(Peer::field(head, "X-Extra"), "1");
        EXPECT_EQ(Peer::field(head, "Authorization"), "Basic dXNlcjpwYXNz");
        bid_farewell(peer);
    });
    ClientLoop loop;
    WebSocket socket(loop, "ws://user:pass@127.0.0.1:" + std::to_string(server.port()) + "/",
                     {.protocols = {"chat", "superchat"},
                      .headers = {{"X-Extra", "1"}},
                      .origin = "https://example.com",
                      .compression = {.enabled = true, .context_takeover = true, .window_bits = 12},
                      .server_compression = {.context_takeover = false, .window_bits = 9}});
    Log log(socket);
    EXPECT_EQ(socket.protocol() + socket.extensions(), "");
    socket.onopen = [&] {
        EXPECT_EQ(socket.protocol(), "superchat");
        EXPECT_EQ(socket.extensions(),
                  "permessage-deflate; server_no_context_takeover; client_max_window_bits=10; "
                  "server_max_window_bits=9");
        socket.close(1000, "bye");
    };
    loop.run();
    EXPECT_EQ(log.text, "open close(1000 bye clean)");
}

TEST(ClientHandshake, answers) {
    const std::string good =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: ACCEPT\r\n";
    struct Case {
        std::string answer, error;
        int status = 101;
        std::string body = "";
    };
    const Case cases[] = {
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!\n",
         "the server answered 403 Forbidden", 403, "no!\n"},
        {"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: "
         "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
         "the server answered 404 Not Found", 404, "abcde"},
        {"HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'x'), "the server answered 200 OK", 200,
         std::string(1024, 'x')},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart", "the server answered 200 OK", 200,
         "part"},
        {"HTTP/1.1 204 No Content\r\n\r\n", "the server answered 204 No Content", 204},
        {"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", "the server answered 503", 503},
        {"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n",
         "the server answered 302 with a redirect to /b, and redirects are not followed", 302},
        {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "the server answered 302 Found", 302},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
         "the server answered 401 Unauthorized", 401},
        {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
         "the handshake failed: Upgrade is not websocket"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
         "the handshake failed: Connection does not say Upgrade"},
        {"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
         "the handshake failed: wrong Sec-WebSocket-Accept"},
        {good + "Sec-WebSocket-Accept: ACCEPT\r\n\r\n",
         "the handshake failed: wrong Sec-WebSocket-Accept"},
        {good + "Sec-WebSocket-Protocol: chat\r\n\r\n",
         "the handshake failed: subprotocol that was not offered"},
        {good + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
         "the handshake failed: extension that was not offered"},
        {"HTTP/1.0 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: ACCEPT\r\n\r\n",
         "the server's answer is not HTTP/1.1"},
        {good + "X: " + std::string(17 * 1024, 'x') + "\r\n\r\n",
         "the server's answer is no HTTP: *"},
        {"SSH-2.0-OpenSSH_9.2p1\r\n", "the server's answer is no HTTP: *", 0},
        {"", "the connection ended before the server answered", 0},
        {"HTTP/1.1 101 Switch", "the connection ended within the server's answer", 0},
    };
    for (const Case& c : cases) {
        ScriptServer server([&](Peer& peer) {
            const std::string head = peer.read_head();
            std::string answer = c.answer;
            for (size_t at; (at = answer.find("ACCEPT\r")) != std::string::npos;)
                answer.replace(at, 6, Peer::accept_of(head));
            peer.write(answer);
            peer.end();
            peer.wait_for_end();
        });
        const Outcome outcome = connect(server.url());
        EXPECT_EQ(outcome.events, "error close(1006)") << c.error;
        if (c.error.ends_with('*'))
            EXPECT_TRUE(outcome.error.starts_with(c.error.substr(0, c.error.size() - 1)))
                << outcome.error;
        else
            EXPECT_EQ(outcome.error, c.error);
        EXPECT_EQ(outcome.status, c.status) << c.error;
        EXPECT_EQ(outcome.body, c.body) << c.error;
    }
}

TEST(ClientHandshake, none_of_the_subprotocols) {
    ScriptServer server([](Peer& peer) {
        peer.accept();
        peer.wait_for_end();
    });
    const Outcome outcome = connect(server.url(), {.protocols = {"chat"}});
    EXPECT_EQ(outcome.events, "error close(1006)");
    EXPECT_EQ(outcome.error, "the handshake failed: none of the offered subprotocols was chosen");
}

TEST(ClientHandshake, no_connection) {
    uint16_t port = 0;
    {
        ScriptServer gone([](Peer&) {});
        port = gone.port();
    }
    const Outcome refused = connect("ws://127.0.0.1:" + std::to_string(port));
    EXPECT_EQ(refused.events, "error close(1006)");
    EXPECT_NE(refused.error.find("refused"), std::string::npos) << refused.error;
    const Outcome no_socket = connect("ws+unix:/nowhere/x.sock:/");
    EXPECT_EQ(no_socket.events, "error close(1006)");
    EXPECT_NE(no_socket.error, "");
}

TEST(ClientHandshake, a_reset) {
    ScriptServer server([](Peer& peer) {
        peer.read_head();
        peer.reset();
    });
    EXPECT_EQ(connect(server.url()).events, "error close(1006)");
}

TEST(ClientHandshake, a_server_that_is_silent_or_trickles) {
    ScriptServer silent([](Peer& peer) { peer.wait_for_end(); });
    const Outcome none = connect(silent.url(), {.handshake_timeout = 500ms});
    EXPECT_EQ(none.events, "error close(1006)");
    EXPECT_EQ(none.error, "no answer of the server within the handshake timeout");
    ScriptServer endless([](Peer& peer) {
        peer.read_head();
        peer.write("HTTP/1.1 401 Unauthorized\r\nContent-Length: 1000000\r\n\r\nlog in");
        peer.wait_for_end();
    });
    // Long enough for the answer on a busy machine; its body never ends.
    const Outcome refused = connect(endless.url(), {.handshake_timeout = 3s});
    EXPECT_EQ(refused.error, "the server answered 401 Unauthorized");
    EXPECT_EQ(refused.body, "log in");
}

TEST(ClientHandshake, redirects) {
    ScriptServer target([](Peer& peer) {
        const std::string head = peer.accept();
        EXPECT_TRUE(head.starts_with("GET /there HTTP/1.1\r\n")) << head;
        // Another port is another origin.
        EXPECT_EQ(Peer::field(head, "Authorization") + Peer::field(head, "Cookie"), "");
        EXPECT_EQ(Peer::field(head, "X-Kept"), "1");
        bid_farewell(peer);
    });
    std::vector<std::string> requests;
    ScriptServer server([&](Peer& peer) {
        const std::string head = peer.read_head();
        requests.push_back(head.substr(4, head.find(' ', 4) - 4) + " " +
                           Peer::field(head, "Authorization"));
        const bool again = head.starts_with("GET /a ");
        peer.write("HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: " +
                   (again ? "b?x" : target.url("/there")) + "\r\n\r\n");
        peer.wait_for_end();
    });
    const WebSocketOptions options{
        .headers = {{"Authorization", "secret"}, {"Cookie", "a=b"}, {"X-Kept", "1"}},
        .redirects_max = 2};
    EXPECT_EQ(connect(server.url("/a"), options).events, "open close(1000 bye clean)");
    auto fewer = options;
    fewer.redirects_max = 1;
    const Outcome refused = connect(server.url("/a"), fewer);
    EXPECT_EQ(refused.events, "error close(1006)");
    EXPECT_NE(refused.error.find("too many redirects"), std::string::npos) << refused.error;
    EXPECT_EQ(refused.status, 307);
    server.stop();
    EXPECT_EQ(requests,
              (std::vector<std::string>{"/a secret", "/b?x secret", "/a secret", "/b?x secret"}));
}

TEST(ClientHandshake, redirects_without_end) {
    ScriptServer server([&](Peer& peer) {
        peer.read_head();
        peer.write("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
        peer.wait_for_end();
    });
    EXPECT_EQ(connect(server.url(), {.redirects_max = 10}).events, "error close(1006)");
    EXPECT_EQ(server.connections(), 11);
}

TEST(ClientHandshake, an_address_by_option) {
    ScriptServer server([](Peer& peer) {
        EXPECT_TRUE(Peer::field(peer.accept(), "Host").starts_with("name.test"));
        bid_farewell(peer);
    });
    EXPECT_EQ(connect("ws://name.test:" + std::to_string(server.port()),
                      {.resolve = {{.host = "name.test", .address = "127.0.0.1"}}})
                  .events,
              "open close(1000 bye clean)");
    EXPECT_EQ(connect("ws://name.test",
                      {.resolve = {{.host = "name.test",
                                    .address = "127.0.0.1:" + std::to_string(server.port())}}})
                  .events,
              "open close(1000 bye clean)");
}

// ---- errors of the constructor ------------------------------------------------------------------

TEST(ClientHandshake, constructor) {
    ClientLoop loop;
    EXPECT_THROW(WebSocket(loop, "ws://h/#f"), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "ftp://h/"), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "/relative"), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "ws://h", {.protocols = {"a", "a"}}), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "ws://h", {.protocols = {"a b"}}), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "ws://h", {.protocols = {""}}), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "ws://h", {.headers = {{"Host", "x"}}}), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "ws://h", {.headers = {{"sec-websocket-key", "x"}}}), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "ws://h", {.headers = {{"A", "x\r\ny"}}}), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "ws://h", {.headers = {{"A b", "x"}}}), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "ws://h", {.origin = "a\nb"}), SyntaxError);
    EXPECT_THROW(WebSocket(loop, "ws://h", {.redirects_max = 11}), std::invalid_argument);
    EXPECT_THROW(WebSocket(loop, "ws://h", {.compression = {.window_bits = 8}}),
                 std::invalid_argument);
    loop.run();  // Nothing is left to do.
    WebSocket socket(loop, "http://127.0.0.1:1/a b", {});
    EXPECT_EQ(socket.url(), "ws://127.0.0.1:1/a%20b");
    EXPECT_EQ(socket.ready_state(), WebSocket::CONNECTING);
    EXPECT_EQ(socket.binary_type(), "blob");
    EXPECT_THROW(socket.send("early"), InvalidStateError);
}

}  // namespace
}  // namespace starling::client::test
