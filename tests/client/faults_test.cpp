// Servers that are bad in many ways cost a client their own connection, and nothing else: a table, whose
// sockets share a loop with a socket that works; floods; and loops that end with sockets in every state.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/client/fixture.h"
#include "tests/net/dial_fixture.h"
#include "tests/server/fixture.h"

namespace starling::client::test {
namespace {

using Script = std::function<void(Peer&)>;

Script sends(std::string hex) {
    return [hex = std::move(hex)](Peer& peer) {
        peer.accept();
        peer.write_hex(hex);
        peer.wait_for_end();
    };
}
Script answers(std::string head) {
    return [head = std::move(head)](Peer& peer) {
        peer.read_head();
        peer.write(head);
        peer.wait_for_end();
    };
}
Script resets_after(std::string bytes) {
    return [bytes = std::move(bytes)](Peer& peer) {
        peer.read_head();
        peer.write(bytes);
        peer.reset();
    };
}
std::string hex_times(const char* hex, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += hex;
    return out;
}

struct BadServer {
    const char* name;
    Script script;
    const char* events;
    const char* error = "";  // The beginning of the text.
    WebSocketOptions options = {};
    bool closes = false;  // The client closes as soon as it is open.
};

constexpr const char* failed = "error close(1006)";
constexpr const char* failed_open = "open error close(1006)";

std::vector<BadServer> that_reset_or_are_silent() {
    return {
        {"no handshake: reset at once", [](Peer& peer) { peer.reset(); }, failed},
        {"reset after the request", resets_after(""), failed, "the connection ended before"},
        {"reset within the head", resets_after("HTTP/1.1 101 Switch"), failed,
         "the connection ended within"},
        {"reset when open",
         [](Peer& peer) {
             peer.accept();
             peer.reset();
         },
         "open close(1006)"},
        {"reset within a frame",
         [](Peer& peer) {
             peer.accept();
             peer.write_hex("81 05 6865");
             peer.reset();
         },
         "open close(1006)"},
        {"reset instead of a close frame",
         [](Peer& peer) {
             peer.accept();
             peer.next();
             peer.reset();
         },
         "open close(1006)",
         "",
         {},
         true},
        {"reset after its close frame",
         [](Peer& peer) {
             peer.accept();
             peer.next();
             peer.write_hex("88 02 03e8");
             peer.reset();
         },
         "open close(1000*)",
         "",
         {},
         true},
        {"silence instead of an answer",
         [](Peer& peer) { peer.wait_for_end(); },
         failed,
         "no answer of the server within the handshake timeout",
         {.handshake_timeout = 1s}},
        {"silence when open",
         sends(""),
         failed_open,
         "the server did not answer a ping",
         {.ping_interval = 10ms, .ping_timeout = 10ms}},
        {"silence instead of a close frame",
         sends(""),
         "open close(1006)",
         "",
         {.close_timeout = 10ms},
         true},
    };
}

std::vector<BadServer> with_bad_answers() {
    const std::string upgraded = "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    return {
        {"a head of 17 KB", answers(upgraded + "X: " + std::string(17 * 1024, 'x') + "\r\n\r\n"),
         failed, "the server's answer is no HTTP"},
        {"a head without end", answers(std::string(64 * 1024, 'x')), failed,
         "the server's answer is no HTTP"},
        {"a body without end",
         [](Peer& peer) {
             peer.read_head();
             peer.write("HTTP/1.1 401 Unauthorized\r\n\r\n");
             for (int i = 0; i < 1000; ++i) peer.write(std::string(65536, 'x'));
         },
         failed, "the server answered 401 Unauthorized"},
        {"101 without Upgrade", answers("HTTP/1.1 101 S\r\nConnection: Upgrade\r\n\r\n"), failed,
         "the handshake failed: Upgrade is not websocket"},
        {"a wrong accept", answers(upgraded + "Sec-WebSocket-Accept: AAAA\r\n\r\n"), failed,
         "the handshake failed: wrong Sec-WebSocket-Accept"},
        {"an extension that was not asked for",
         [](Peer& peer) {
             peer.accept("Sec-WebSocket-Extensions: x-other\r\n");
             peer.wait_for_end();
         },
         failed, "the handshake failed: extension that was not offered"},
        {"a subprotocol that was not offered",
         [](Peer& peer) {
             peer.accept("Sec-WebSocket-Protocol: other\r\n");
             peer.wait_for_end();
         },
         failed,
         "the handshake failed: subprotocol that was not offered",
         {.protocols = {"chat"}}},
        {"a redirect to itself",
         answers("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
         failed,
         "the server answered 302 with a redirect to /: too many redirects",
         {.redirects_max = 10}},
        {"a redirect to no WebSocket",
         answers("HTTP/1.1 301 M\r\nLocation: ftp://h/\r\n\r\n"),
         failed,
         "the server answered 301 with a redirect to ftp://h/: ",
         {.redirects_max = 10}},
    };
}

std::vector<BadServer> with_bad_frames() {
    return {
        {"a masked frame", sends("81 81 01020304 60"), failed_open,
         "the server broke the protocol"},
        {"2^62 bytes promised", sends("82 7f 4000000000000000 00"), failed_open,
         "the server broke the protocol: message too big"},
        {"2^63 bytes promised", sends("82 7f 8000000000000000"), failed_open,
         "the server broke the protocol"},
        {"fragments without end", sends("01 00 " + hex_times("00 00 ", 2000)), failed_open,
         "the server broke the protocol: too many fragments"},
        {"a close frame, then more",
         sends("88 02 03e8 81 01 61 83 00"),
         "open close(1000 clean)",
         "",
         {.close_timeout = 10ms}},
        {"one byte at a time",
         [](Peer& peer) {
             std::string bytes =
                 "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: " +
                 Peer::accept_of(peer.read_head()) + "\r\n\r\n";
             bytes += ws::test::to_text(ws::test::unhex("81 04 736c6f77 88 02 03e8"));
             for (const char byte : bytes) peer.write({&byte, 1});
             peer.end();
             peer.wait_for_end();
         },
         "open message(slow) close(1000 clean)"},
    };
}

// A server that returns messages until the client closes.
void echo(Peer& peer) {
    peer.accept();
    for (std::string next = peer.next(); next.starts_with("text("); next = peer.next())
        peer.write_hex("81 01 61");
    peer.write_hex("88 02 03e8");
    peer.end();
    peer.wait_for_end();
}

bool matches(std::string_view text, std::string_view pattern) {
    const size_t star = pattern.find('*');
    if (star == std::string_view::npos) return text == pattern;
    return text.starts_with(pattern.substr(0, star)) && text.ends_with(pattern.substr(star + 1));
}

TEST(ClientFaults, a_bad_server_costs_no_other_socket) {
    struct Bad {
        Bad(ClientLoop& loop, const BadServer& of)
            : server(of.script), socket(loop, server.url(), of.options), log(socket) {
            if (of.closes) socket.onopen = [this] { socket.close(1000); };
        }
        ScriptServer server;
        WebSocket socket;
        Log log;
    };
    std::vector<BadServer> table = that_reset_or_are_silent();
    for (const auto& more : {with_bad_answers(), with_bad_frames()})
        table.insert(table.end(), more.begin(), more.end());
    ScriptServer good(echo);
    ClientLoop loop;
    WebSocket works(loop, good.url());
    Log log(works);
    size_t echoed = 0, closed = 0;
    works.onopen = [&] { works.send("a"); };
    works.onmessage = [&] {
        ++echoed;
        if (closed < table.size()) return works.send("a");
        works.close(1000);
    };
    std::deque<Bad> bad;
    for (const BadServer& one : table) {
        bad.emplace_back(loop, one);
        bad.back().socket.onclose = [&] { ++closed; };
    }
    loop.run();
    for (size_t i = 0; i < table.size(); ++i) {
        const Log& seen = bad[i].log;
        EXPECT_PRED2(matches, seen.text, table[i].events) << table[i].name << ": " << seen.error;
        EXPECT_TRUE(seen.error.starts_with(table[i].error)) << table[i].name << ": " << seen.error;
        EXPECT_EQ(bad[i].socket.ready_state(), WebSocket::CLOSED) << table[i].name;
        const bool fails = std::string_view(table[i].events).find("error") != std::string::npos;
        EXPECT_EQ(seen.error.empty(), !fails) << table[i].name;
    }
    EXPECT_GT(echoed, 1u);  // It is served while the others fail.
    EXPECT_TRUE(log.text.ends_with("message(a) close(1000 clean)"));
    EXPECT_EQ(log.text.find("error"), std::string::npos);
}

// RFC 6455 section 5.5.3: only the newest ping needs a pong. A server that does not read its pongs makes
// one wait, and nothing grows.
TEST(ClientFaults, a_flood_of_pings_whose_pongs_are_not_read) {
    constexpr int count = 200'000;
    size_t pongs = 0;
    std::string last;
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        std::string batch;
        for (int i = 0; i < 1000; ++i) batch += "\x89\x7d" + std::string(125, 'x');
        for (int i = 0; i < count; i += 1000) peer.write(batch);
        peer.write("\x89\x06newest");
        peer.write_hex("88 02 03e8");
        for (std::string next = peer.next(); next.starts_with("pong("); next = peer.next()) {
            ++pongs;
            last = next;
        }
        peer.end();
        peer.wait_for_end();
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url());
    Log log(socket);
    loop.run();
    server.stop();
    EXPECT_EQ(log.text, "open close(1000 clean)");
    EXPECT_LT(pongs, static_cast<size_t>(count));  // Those that the kernel took, and one.
    EXPECT_EQ(last, "pong(newest)");
}

// The loop ends with 100 sockets in each state. No event is told, and every socket is CLOSED.
TEST(ClientFaults, a_loop_ends_with_sockets_in_each_state) {
    server::test::TestServer host;
    host.server.websocket("/", {.message = [](ws::Socket at, ws::Message message) {
                              static_cast<void>(at.send(message));
                          }});
    host.start();
    const std::string url = "ws://127.0.0.1:" + std::to_string(host.port()) + "/";
    net::Descriptor silent = fake::listen_at("127.0.0.1:0");  // Accepts nothing.
    const std::string nobody = "127.0.0.1:" + std::to_string(net::port_of(silent)) + "/";
    net::Blackhole blackhole;
    const std::string nowhere = "ws://127.0.0.1:" + std::to_string(blackhole.port()) + "/";
    constexpr int each = 100;

    auto loop = std::make_unique<ClientLoop>();
    std::deque<WebSocket> sockets;
    int open = 0, events = 0;
    const auto add = [&](const std::string& to, int count,
                         const std::function<void(WebSocket&)>& use) {
        for (int i = 0; i < count; ++i) {
            WebSocket& socket =
                sockets.emplace_back(*loop, to, WebSocketOptions{.tls = {.verify = false}});
            socket.onmessage = [&] { ++events; };
            socket.onopen = [&, use] {
                if (use) use(socket);
                ++open;
                if (open == 4 * each) loop->stop();
            };
        }
    };
    add(nowhere, each, {});             // Connecting.
    add("ws://" + nobody, each, {});    // Waits for an answer.
    add("wss://" + nobody, each, {});   // Within the handshake of TLS.
    add(url, each, [](WebSocket&) {});  // Open.
    add(url, each, [](WebSocket& socket) { socket.pause(); });
    add(url, each, [](WebSocket& socket) { socket.send(std::string(500'000, 'x')); });
    add(url, each, [](WebSocket& socket) { socket.close(3000, "bye"); });
    loop->run();
    ASSERT_EQ(open, 4 * each);
    add(url, each, {});  // Not even begun.
    const int told = events;
    for (WebSocket& socket : sockets) {
        socket.onerror = [&] { ++events; };
        socket.onclose = [&] { ++events; };
    }
    loop.reset();
    EXPECT_EQ(events, told);
    for (const WebSocket& socket : sockets) EXPECT_EQ(socket.ready_state(), WebSocket::CLOSED);
}

}  // namespace
}  // namespace starling::client::test
