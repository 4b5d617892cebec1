// An open WebSocket: messages, states, closing, faults of the server, and what handlers may do.
#include <starling/client.h>

#include <memory>
#include <optional>
#include <vector>

#include "tests/client/fixture.h"

namespace starling::client::test {
namespace {

using namespace std::string_view_literals;

void answer_close(Peer& peer) {
    peer.write_hex("88 02 03e8");
    peer.end();
    peer.wait_for_end();
}

// What the client's socket tells when the server sends `wire` after the handshake, then ends. The script
// gets everything that the client sent.
struct Seen {
    std::string events, error, wire;
};
Seen receive(std::string_view wire, WebSocketOptions options = {}, std::string fields = "") {
    Seen seen;
    ScriptServer server([&](Peer& peer) {
        peer.accept(fields);
        peer.write_hex(wire);
        peer.end();
        for (std::string next; next != "end" && next != "reset";)
            seen.wire.append(seen.wire.empty() ? "" : " ").append(next = peer.next());
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url(), std::move(options));
    Log log(socket);
    loop.run();
    seen.events = log.text;
    seen.error = log.error;
    return seen;
}

TEST(ClientWebSocket, what_the_server_sends) {
    struct Case {
        const char* name;
        std::string_view wire, events, answer;
    };
    constexpr Case cases[] = {
        {"text and binary", "81 02 6869 82 02 00ff 88 02 03e8",
         "open message(hi) binary(\0\xff) close(1000 clean)"sv, "close(1000) end"},
        {"fragments with a ping between", "01 01 68 89 01 78 80 01 69 88 02 03e8",
         "open message(hi) close(1000 clean)", "pong(x) close(1000) end"},
        {"no code", "88 00", "open close(1005 clean)", "close(1005) end"},
        {"a reason", "88 06 0fa0 66756c6c", "open close(4000 full clean)", "close(4000) end"},
        {"no close frame", "81 01 61", "open message(a) close(1006)", "end"},
        {"data after the close frame", "88 02 03e8 81 01 61", "open close(1000 clean)",
         "close(1000) end"},
        {"masked", "81 81 01020304 60", "open error close(1006)", "close(1002 wrong masking) end"},
        {"a reserved bit", "c1 01 61", "open error close(1006)",
         "close(1002 reserved bit set) end"},
        {"an unknown opcode", "83 00", "open error close(1006)", "close(1002 unknown opcode) end"},
        {"invalid UTF-8", "81 02 c328", "open error close(1006)", "close(1007 invalid UTF-8) end"},
        {"a close payload of one byte", "88 01 03", "open error close(1006)",
         "close(1002 close payload of one byte) end"},
        {"close code 1006", "88 02 03ee", "open error close(1006)",
         "close(1002 invalid close code) end"},
        {"a continuation of nothing", "80 00", "open error close(1006)",
         "close(1002 continuation of nothing) end"},
        {"2^62 bytes promised", "82 7f 4000000000000000", "open error close(1006)",
         "close(1009 message too big) end"},
        {"a long control frame", "89 7e 0080", "open error close(1006)",
         "close(1002 control frame over 125 bytes) end"},
        {"a message before the fault", "81 01 61 83 00", "open message(a) error close(1006)",
         "close(1002 unknown opcode) end"},
    };
    for (const Case& c : cases) {
        const Seen seen = receive(c.wire);
        EXPECT_EQ(seen.events, c.events) << c.name;
        EXPECT_EQ(seen.wire, c.answer) << c.name;
        EXPECT_EQ(seen.error.empty(), seen.events.find("error") == std::string::npos) << c.name;
    }
}

TEST(ClientWebSocket, limits) {
    EXPECT_EQ(receive("81 05 68656c6c6f", {.message_bytes_max = 4}).events,
              "open error close(1006)");
    EXPECT_EQ(receive("01 00 00 00 00 00 80 00", {.fragments_max = 3}).wire,
              "close(1008 too many fragments) end");
}

// A message of 1 MB of zeros, compressed: over the limit of what the client takes.
TEST(ClientWebSocket, a_bomb) {
    ws::Deflater deflater;
    const std::vector<std::byte> zeros(1'000'000);
    const auto packed = deflater.compress(zeros, true);
    const auto frame = ws::test::frame(ws::Role::client, ws::Opcode::binary, true, true, packed);
    const Seen seen = receive(ws::test::to_hex(frame),
                              {.compression = {.enabled = true}, .message_bytes_max = 100'000},
                              "Sec-WebSocket-Extensions: permessage-deflate; "
                              "server_no_context_takeover; client_no_context_takeover\r\n");
    EXPECT_EQ(seen.events, "open error close(1006)");
    EXPECT_EQ(seen.wire, "close(1009 message too big) end");
}

TEST(ClientWebSocket, sends) {
    std::string got;
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        for (int i = 0; i < 6; ++i) got += peer.next() + " ";
        got += peer.next();
        answer_close(peer);
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url());
    Log log(socket);
    socket.onopen = [&] {
        EXPECT_EQ(socket.ready_state(), WebSocket::OPEN);
        EXPECT_EQ(socket.buffered_amount(), 0U);
        socket.send("h\xc3\xa9llo");
        EXPECT_EQ(socket.buffered_amount(), 6U);
        socket.send(std::vector<unsigned char>{'a', 'b'});
        socket.send(std::make_shared<const std::string>("shared"));
        socket.send(
            std::make_shared<const std::vector<std::byte>>(std::vector<std::byte>{std::byte('x')}));
        socket.send("");
        socket.ping("p");
        EXPECT_EQ(socket.buffered_amount(), 15U);
        socket.close(3000, "done");
        EXPECT_EQ(socket.ready_state(), WebSocket::CLOSING);
        socket.send("after");
        EXPECT_EQ(socket.buffered_amount(), 20U);
        socket.close(1000);  // Nothing happens.
    };
    loop.run();
    server.stop();
    EXPECT_EQ(got,
              "text(h\xc3\xa9llo) binary(ab) text(shared) binary(x) text() ping(p) "
              "close(3000 done)");
    EXPECT_EQ(log.text, "open close(1000 clean)");
    EXPECT_EQ(socket.buffered_amount(), 5U);
    socket.send("xyz");
    EXPECT_EQ(socket.buffered_amount(), 8U);
    EXPECT_EQ(socket.ready_state(), WebSocket::CLOSED);
}

TEST(ClientWebSocket, arguments_of_close) {
    ScriptServer server([](Peer& peer) {
        peer.accept();
        EXPECT_EQ(peer.next(), "close(1005)");
        answer_close(peer);
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url());
    Log log(socket);
    for (const uint16_t code : {0, 999, 1001, 1005, 1006, 1015, 2999, 5000, 65535})
        EXPECT_THROW(socket.close(code), InvalidAccessError) << code;
    EXPECT_THROW(socket.close(1000, std::string(124, 'x')), SyntaxError);
    EXPECT_THROW(socket.close(1000, "\xff"), SyntaxError);
    EXPECT_EQ(socket.ready_state(), WebSocket::CONNECTING);
    socket.onopen = [&] { socket.close(); };
    loop.run();
    EXPECT_EQ(log.text, "open close(1000 clean)");
}

TEST(ClientWebSocket, close_while_connecting) {
    ClientLoop loop;
    WebSocket socket(loop, "ws://127.0.0.1:1/");
    Log log(socket);
    socket.close(3000, "never mind");
    EXPECT_EQ(socket.ready_state(), WebSocket::CLOSING);
    EXPECT_EQ(log.text, "");
    socket.send("x");
    loop.run();
    EXPECT_EQ(log.text, "error close(1006)");
    EXPECT_EQ(socket.buffered_amount(), 1U);
}

TEST(ClientWebSocket, messages_after_close_are_not_told) {
    ScriptServer server([](Peer& peer) {
        peer.accept();
        EXPECT_EQ(peer.next(), "close(1000)");
        peer.write_hex("81 01 61");
        answer_close(peer);
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url());
    Log log(socket);
    socket.onopen = [&] { socket.close(1000); };
    loop.run();
    EXPECT_EQ(log.text, "open close(1000 clean)");
}

TEST(ClientWebSocket, the_server_does_not_answer_the_close_frame) {
    ScriptServer server([](Peer& peer) {
        peer.accept();
        peer.wait_for_end();
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url(), {.close_timeout = 20ms});
    Log log(socket);
    socket.onopen = [&] { socket.close(1000); };
    loop.run();
    EXPECT_EQ(log.text, "open close(1006)");
}

TEST(ClientWebSocket, the_server_does_not_end_the_connection) {
    ScriptServer server([](Peer& peer) {
        peer.accept();
        peer.write_hex("88 02 03e8");
        peer.wait_for_end();
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url(), {.close_timeout = 20ms});
    Log log(socket);
    loop.run();
    EXPECT_EQ(log.text, "open close(1000 clean)");
}

TEST(ClientWebSocket, a_dead_server_and_a_living_one) {
    ScriptServer dead([](Peer& peer) {
        peer.accept();
        EXPECT_TRUE(peer.next().starts_with("ping("));
        peer.wait_for_end();
    });
    ClientLoop loop;
    WebSocket socket(loop, dead.url(), {.ping_interval = 10ms, .ping_timeout = 10ms});
    Log log(socket);
    loop.run();
    EXPECT_EQ(log.text, "open error close(1006)");
    EXPECT_EQ(log.error, "the server did not answer a ping");

    ScriptServer alive([](Peer& peer) {
        peer.accept();
        const std::string ping = peer.next();
        EXPECT_TRUE(ping.starts_with("ping(")) << ping;
        peer.write(std::string("\x8a\x08", 2) + ping.substr(5, 8));
        peer.write_hex("88 02 03e8");
        peer.end();
        peer.wait_for_end();
    });
    WebSocket other(loop, alive.url());
    Log events(other);
    std::optional<std::chrono::milliseconds> took;
    other.onopen = [&] { other.ping(); };
    other.add_event_listener("close", [&] { took = other.round_trip_time(); });
    loop.run();
    EXPECT_EQ(events.text, "open close(1000 clean)");
}

// A server that does not read: the queue ends at its limit.
TEST(ClientWebSocket, a_full_queue) {
    std::atomic<bool> done{false};
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        done.wait(false);
    });
    ClientLoop loop;
    WebSocket socket(loop, server.url(), {.send_queue_bytes_max = 100'000});
    Log log(socket);
    const std::string message(50'000, 'x');
    ClientLoop::Timer timer = 0;
    socket.onopen = [&] {
        timer = loop.every(1ms, [&] {
            for (int i = 0; i < 100; ++i) socket.send(message);
        });
    };
    socket.onclose = [&] {
        loop.cancel(timer);
        done = true;
        done.notify_all();
    };
    loop.run();
    EXPECT_EQ(log.text, "open error close(1006)");
    EXPECT_EQ(log.error, "the server does not read: the send queue is full");
    EXPECT_GT(socket.buffered_amount(), 50'000U);
}

TEST(ClientWebSocket, terminate_and_pause) {
    ClientLoop loop;
    std::unique_ptr<WebSocket> socket;
    std::unique_ptr<Log> log;
    ScriptServer server([&](Peer& peer) {
        peer.accept();
        peer.write_hex("81 01 61 81 01 62");
        EXPECT_EQ(peer.next(), "text(paused)");
        // terminate() drops what is queued: the message has left by now.
        loop.post([&] {
            log->add("resumed");
            socket->resume();
        });
        EXPECT_EQ(peer.next(), "reset");
    });
    socket = std::make_unique<WebSocket>(loop, server.url());
    log = std::make_unique<Log>(*socket);
    socket->onmessage = [&](const MessageEvent& event) {
        if (event.text() == "b") return socket->terminate();
        socket->pause();
        socket->send("paused");
    };
    loop.run();
    EXPECT_EQ(log->text, "open message(a) resumed message(b) close(1006)");
}

}  // namespace
}  // namespace starling::client::test
