// Socket.IO, compression and proxies in load tests of real servers. At a fixed rate the number of messages
// follows from the rate alone, so no case depends on time.
#include <gtest/gtest.h>
#include <starling/socketio.h>

#include <string>
#include <vector>

#include "tests/load/fixture.h"

namespace {

using namespace starling::load;
using namespace starling::load::test;
namespace ws = starling::ws;

// Acks `echo` with its argument; `message` goes to all.
struct SocketIo : TestServer {
    SocketIo() {
        auto& io = server.socketio();
        io.on_connection([&io](starling::sio::Socket socket) {
            socket.emit("welcome", 1);
            socket.on("echo", [](std::string text) { return text; });
            socket.on("wrong", [](const std::string& text) { return text + "!"; });
            socket.on("message",
                      [&io](const starling::sio::Json& value) { io.emit("message", value); });
        });
        start();
    }
    [[nodiscard]] Plan plan(Scenario scenario) const {
        Plan plan = quick("http://127.0.0.1:" + std::to_string(port()), scenario);
        plan.event = scenario == Scenario::socketio_fanout ? "message" : "echo";
        return plan;
    }
};

TEST(LoadSocketIo, Acks) {
    const SocketIo server;
    Plan plan = server.plan(Scenario::socketio_ack);
    plan.rate = 1000;
    Report report = run(plan);
    EXPECT_EQ(errors_of(report), "");
    EXPECT_EQ(report.latency.total(), 50U);
    plan.rate = 0;
    plan.depth = 7;
    report = run(plan);
    EXPECT_EQ(errors_of(report), "");
    EXPECT_EQ(report.opened, 4U);
}

TEST(LoadSocketIo, Fanout) {
    const SocketIo server;
    for (const uint32_t threads : {1U, 2U}) {
        const Report report = fan_out(server.plan(Scenario::socketio_fanout), threads);
        EXPECT_EQ(report.other_messages, 4U);  // The welcome of each; the emitter's does not count.
    }
}

TEST(LoadSocketIo, ConnectAndIdle) {
    const SocketIo server;
    const Report storm = run(server.plan(Scenario::socketio_connect));
    EXPECT_EQ(errors_of(storm), "");
    EXPECT_EQ(storm.unit, "connections");
    const Report idle = run(server.plan(Scenario::socketio_idle));
    EXPECT_EQ(errors_of(idle), "");
    EXPECT_EQ(idle.count, 4U);
}

TEST(LoadSocketIo, Polling) {
    const SocketIo server;
    Plan plan = server.plan(Scenario::socketio_polling);
    plan.threads = 2;
    Report report = run(plan);
    EXPECT_EQ(errors_of(report), "");
    EXPECT_EQ(report.unit, "requests");
    EXPECT_EQ(report.count, report.latency.total());
    EXPECT_EQ(report.opened, 4U);
    plan.event = "wrong";
    plan.seconds = 3600;  // The test ends with its last connection.
    EXPECT_EQ(errors_of(run(plan)), "4 bad answer (an ack is not the one that is due)");
}

// Returns messages and compresses them, whatever their size.
struct Compressing : TestServer {
    explicit Compressing(bool enabled = true) {
        const ws::Compression compression{
            .enabled = enabled, .context_takeover = true, .threshold_bytes = 0};
        server.websocket(
            "/", {.compression = compression,
                  .message = [](ws::Socket socket, ws::Message message) { socket.send(message); }});
        server.websocket("/listen",
                         {.compression = compression,
                          .open = [](ws::Socket socket) { socket.join("all"); },
                          .message = [](ws::Socket socket,
                                        ws::Message message) { socket.publish("all", message); }});
        start();
    }
    [[nodiscard]] Plan plan(const std::string& path, Scenario scenario = Scenario::echo) const {
        Plan plan = quick("ws://127.0.0.1:" + std::to_string(port()) + path, scenario);
        plan.compress = true;
        return plan;
    }
};

TEST(LoadCompression, Echo) {
    const Compressing server;
    for (const size_t size : {size_t{0}, size_t{5}, size_t{70'000}}) {
        Plan plan = server.plan("/");
        plan.payload_bytes = size;
        plan.rate = 1000;
        const Report report = run(plan);
        EXPECT_EQ(errors_of(report), "") << size;
        EXPECT_EQ(report.latency.total(), 50U);
        EXPECT_EQ(report.compressed, 4U);
    }
    Plan plan = server.plan("/");
    plan.depth = 16;
    plan.binary = true;
    EXPECT_EQ(errors_of(run(plan)), "");
}

TEST(LoadCompression, Fanout) {
    const Compressing server;
    Plan plan = server.plan("/listen", Scenario::fanout);
    plan.rate = 1000;
    plan.depth = 0;
    const Report report = run(plan);
    EXPECT_EQ(errors_of(report), "");
    EXPECT_EQ(report.latency.total(), 50U * 4U);
    EXPECT_EQ(report.compressed, 4U);
}

TEST(LoadCompression, AServerThatDoesNotWantIt) {
    const Compressing server(false);
    Plan plan = server.plan("/");
    plan.rate = 1000;
    const Report report = run(plan);
    EXPECT_EQ(errors_of(report), "");
    EXPECT_EQ(report.latency.total(), 50U);
    EXPECT_EQ(report.compressed, 0U);
}

constexpr const char* agreed =
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";

// "hello", compressed; the payload is the example of RFC 7692 section 7.2.3.1.
TEST(LoadCompression, RepliesAreInflatedAndCompared) {
    struct {
        const char* reply;
        const char* errors;
    } const cases[] = {
        {"c107 f248cdc9c90700", "1 bad answer (a reply has other bytes)"},
        {"8105 68656c6c6f", "1 bad answer (a reply has other bytes)"},
        {"8104 78787878", "1 bad answer (a reply has another length)"},
        {"c103 ffffff", "1 bad answer (invalid compressed data)"},
        {"a105 68656c6c6f", "1 bad answer (reserved bit set)"},
        {"8205 7878787878", "1 bad answer (a reply has another opcode)"},
    };
    for (const auto& one : cases) {
        const ScriptServer server([&](Peer& peer) {
            peer.accept(agreed);
            peer.write_hex(one.reply);
            peer.wait_for_end();
        });
        Plan plan = quick(server.url());
        plan.compress = true;
        plan.connections = 1;
        plan.payload_bytes = 5;
        plan.seconds = 3600;
        EXPECT_EQ(errors_of(run(plan)), one.errors) << one.reply;
    }
}

// 100 MB of zeros in 97 KB: what an echo may not exceed is known, and all others have a limit.
TEST(LoadCompression, Bombs) {
    starling::ws::Deflater deflater;
    const std::vector<std::byte> zeros(100'000'000);
    const auto packed = deflater.compress(zeros, true);
    const std::string frame =
        client_frame(opcode::binary, "", true).substr(0, 1) + std::string("\x7f", 1) +
        std::string(5, '\0') + static_cast<char>(packed.size() >> 16U) +
        static_cast<char>(packed.size() >> 8U) + static_cast<char>(packed.size()) +
        std::string(starling::base::text_of(packed));
    for (const Scenario scenario : {Scenario::echo, Scenario::idle}) {
        const ScriptServer server([&](Peer& peer) {
            peer.accept(agreed);
            peer.write(frame);
            peer.wait_for_end();
        });
        Plan plan = quick(server.url(), scenario);
        plan.compress = true;
        plan.connections = 1;
        plan.seconds = 3600;
        EXPECT_EQ(errors_of(run(plan)), "1 bad answer (message too big)");
    }
}

// The script is proxy and server in one.
TEST(LoadProxy, EachConnectionGoesThroughIt) {
    const ScriptServer server([](Peer& peer) {
        const std::string head = peer.read_head();
        if (head.starts_with("CONNECT far.example:80 HTTP/1.1\r\n") &&
            head.find("Proxy-Authorization: Basic dTpw\r\n") != std::string::npos)
            peer.write("HTTP/1.1 200 OK\r\n\r\n");
        peer.accept();
        for (int i = 0; i < 5; ++i) {
            if (peer.next() != "text(xxxxx)") return;
            peer.write_hex("8105 7878787878");
        }
        peer.wait_for_end();
    });
    Plan plan = quick("ws://far.example/");
    plan.proxy = "http://u:p@127.0.0.1:" + std::to_string(server.port());
    plan.connections = 1;
    plan.payload_bytes = 5;
    plan.rate = 100;
    const Report report = run(plan);
    EXPECT_EQ(errors_of(report), "");
    EXPECT_EQ(report.latency.total(), 5U);
    EXPECT_EQ(server.connections(), 1);  // The name is not looked up, and the proxy is not probed.
}

TEST(LoadProxy, Faults) {
    struct {
        const char* answer;
        const char* errors;
    } const cases[] = {
        {"HTTP/1.1 407 No\r\n\r\n",
         "1 proxy (the proxy answered 407 (it wants a user and a password): No)"},
        {"SSH-2.0\r\n\r\n", "1 proxy (the proxy's answer is not HTTP: invalid HTTP version)"},
        {"", "1 proxy (the proxy closed the connection)"},
        {"HTTP/1.1 200 OK\r\n\r\nhello", "1 bad answer (the server speaks before it is asked)"},
        {"HTTP/1.1 200 OK\r\n\r\n",
         "1 closed without a code (in place of an answer to the handshake)"},
    };
    for (const auto& one : cases) {
        const ScriptServer server([&](Peer& peer) {
            peer.read_head();
            peer.write(one.answer);
            peer.end();
            peer.wait_for_end();
        });
        Plan plan = quick("ws://far.example/");
        plan.proxy = "127.0.0.1:" + std::to_string(server.port());
        plan.connections = 1;
        plan.seconds = 3600;
        EXPECT_EQ(errors_of(run(plan)), one.errors) << one.answer;
    }
    Plan plan = quick("ws://far.example/");
    plan.proxy = "ftp://h";
    LoadTest test(plan);
    const auto error = test.start();
    ASSERT_TRUE(error);
    EXPECT_TRUE(error->usage);
    EXPECT_TRUE(error->fault.text.starts_with("proxy: ")) << error->fault.text;
}

}  // namespace
