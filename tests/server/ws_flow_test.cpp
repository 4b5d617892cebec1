// WebSockets that are slow, silent, or flood: queues and their limits, pings, dead peers.
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Message;
using ws::OnFull;
using ws::Opcode;
using ws::SendResult;
using ws::Socket;

// Sends 60 KB for every message, far more than the kernel's buffers hold.
ws::Route flooding(Transcript& events) {
    return {
        .send_queue_bytes_max = 200'000,
        .message =
            [&events](Socket socket, Message) {
                const std::string payload(60'000, 'x');
                for (int i = 0; i < 200; ++i) {
                    const auto result = socket.send(payload);
                    if (result == SendResult::sent) continue;
                    events.add(result == SendResult::dropped ? "dropped" : "closed");
                    EXPECT_LE(socket.buffered_amount(), 200'000u + 100);
                    EXPECT_GT(socket.buffered_amount(), 0u);
                    if (result == SendResult::closed) return;
                }
                events.add("flooded");
            },
        .close = [&events](Socket, uint16_t code,
                           std::string_view) { events.add("close " + std::to_string(code)); },
        .drain = [&events](Socket) { events.add("drained"); },
    };
}

TEST(WsQueue, OverTheLimitClosesWith1008) {
    TestServer t;
    t.server.websocket("/", flooding(t.events));
    t.start();
    WsClient client(t.port(), "/", "", 4096);
    client.send_text("go");
    EXPECT_TRUE(t.events.wait_for("closed"));
    client.read_fast();  // The server waits only five seconds after its close frame.
    std::string last;
    while ((last = client.next()).starts_with("text")) {}
    EXPECT_EQ(last, "close(1008 send queue full)");
    client.send_close(1008);
    EXPECT_TRUE(t.events.wait_for("close 1008"));
    EXPECT_TRUE(t.all_gone());
}

TEST(WsQueue, OverTheLimitDropsTheNewestAndCounts) {
    TestServer t;
    ws::Route route = flooding(t.events);
    route.on_full = OnFull::drop;
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port(), "/", "", 4096);
    client.send_text("go");
    EXPECT_TRUE(t.events.wait_for("flooded"));
    const size_t dropped = t.events.count("dropped");
    EXPECT_GT(dropped, 0u);
    EXPECT_EQ(t.stats().messages_dropped, dropped);
    for (size_t i = 0; i < 200 - dropped; ++i) ASSERT_EQ(client.frame().payload.size(), 60'000u);
    EXPECT_TRUE(t.events.wait_for("drained"));
    EXPECT_EQ(t.stats().messages_sent, 200 - dropped);
    client.send_close(1000);
    EXPECT_EQ(client.next(), "close(1000)");
}

// A queue that one tick fills does not show that the peer is slow, so it is offered to the kernel first.
TEST(WsQueue, ManyMessagesInOneTickPassWhereThePeerReads) {
    constexpr int count = 2000;
    TestServer t;
    t.server.websocket(
        "/", {
                 .send_queue_bytes_max = 10'000,
                 .message =
                     [&](Socket socket, Message) {
                         int sent = 0;
                         for (int i = 0; i < count; ++i)
                             sent += socket.send(std::string(100, 'x') + std::to_string(i)) ==
                                     SendResult::sent;
                         t.events.add(std::to_string(sent) + " sent");
                     },
             });
    t.start();
    WsClient client(t.port(), "/", "", 1024 * 1024);
    client.send_text("go");
    for (int i = 0; i < count; ++i)
        ASSERT_EQ(client.next(), "text(" + std::string(100, 'x') + std::to_string(i) + ")");
    EXPECT_TRUE(t.events.wait_for(std::to_string(count) + " sent")) << t.events.text();
    EXPECT_EQ(t.stats().messages_dropped, 0u);
}

// A single message may exceed the whole queue: the limit is for peers that do not read.
TEST(WsQueue, AMessageLargerThanTheQueueIsSent) {
    TestServer t;
    t.server.websocket("/", {
                                .send_queue_bytes_max = 1000,
                                .message = [](Socket socket, Message m) { socket.send(m); },
                            });
    t.start();
    WsClient client(t.port());
    client.send_text(std::string(50'000, 'x'));
    EXPECT_EQ(client.frame().payload.size(), 50'000u);
}

TEST(WsQueue, OneThatDoesNotMoveIsClosed) {
    TestServer t({.stalled_timeout = 300ms});
    ws::Route route = flooding(t.events);
    route.on_full = OnFull::drop;
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port(), "/", "", 4096);
    client.send_text("go");
    EXPECT_TRUE(t.events.wait_for("close 1006"));
    EXPECT_TRUE(t.all_gone());
}

TEST(WsQueue, OtherThreadsSeeTheAmount) {
    std::promise<Socket> opened;
    TestServer t;
    ws::Route route = flooding(t.events);
    route.on_full = OnFull::drop;
    route.open = [&](Socket socket) { opened.set_value(socket); };
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port(), "/", "", 4096);
    const Socket socket = opened.get_future().get();
    EXPECT_EQ(socket.buffered_amount(), 0u);
    client.send_text("go");
    EXPECT_TRUE(t.events.wait_for("flooded"));
    EXPECT_TRUE(eventually([&] { return socket.buffered_amount() > 0; }));
    while (client.pending().size() < 500'000 && client.more()) {}
    const size_t taken = 200 - t.events.count("dropped");
    for (size_t i = 0; i < taken; ++i) ASSERT_EQ(client.frame().payload.size(), 60'000u);
    EXPECT_TRUE(eventually([&] { return socket.buffered_amount() == 0; }));
}

// RFC 6455 section 5.5.3: if a peer does not read its pongs, only the newest one is kept.
TEST(WsPing, AFloodIsAnsweredWithFewPongs) {
    TestServer t;
    ws::Route route = flooding(t.events);
    route.on_full = OnFull::drop;
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port(), "/", "", 4096);
    client.send_text("go");
    EXPECT_TRUE(t.events.wait_for("flooded"));
    std::string pings;
    constexpr int count = 20'000;
    for (int i = 0; i < count; ++i)
        pings += masked_frame(Opcode::ping, std::string(100, '.') + std::to_string(i));
    client.send(pings + masked_frame(Opcode::text, "go"));
    // All pings have been read, and the queue is still full.
    EXPECT_TRUE(t.events.wait_for("flooded", 2));
    std::string pong;
    int pongs = 0;
    for (size_t messages = 0; messages < t.stats().messages_sent || pongs == 0;) {
        const Frame frame = client.frame();
        ASSERT_EQ(frame.end, "");
        if (frame.opcode == Opcode::text) ++messages;
        if (frame.opcode != Opcode::pong) continue;
        pong = frame.payload;
        ++pongs;
    }
    EXPECT_EQ(pongs, 1);
    EXPECT_EQ(pong, std::string(100, '.') + std::to_string(count - 1));
}

TEST(WsPing, BothDirectionsAreToldToTheHandlers) {
    TestServer t;
    std::promise<Socket> opened;
    t.server.websocket(
        "/",
        {
            .open = [&](Socket socket) { opened.set_value(socket); },
            .ping = [&](Socket, std::string_view p) { t.events.add("ping " + std::string(p)); },
            .pong =
                [&](Socket socket, std::string_view p) {
                    const auto time = socket.round_trip_time();
                    t.events.add("pong " + std::to_string(p.size()) + (time ? " timed" : ""));
                },
        });
    t.start();
    WsClient client(t.port());
    client.send(masked_frame(Opcode::ping, "abc"));
    EXPECT_EQ(client.next(), "pong(abc)");
    client.send(masked_frame(Opcode::pong, "unasked"));
    EXPECT_TRUE(t.events.wait_for("pong 7"));
    EXPECT_EQ(opened.get_future().get().ping(), SendResult::posted);
    const Frame ping = client.frame();
    EXPECT_EQ(ping.opcode, Opcode::ping);
    client.send(masked_frame(Opcode::pong, ping.payload));
    EXPECT_TRUE(t.events.wait_for("pong 8 timed"));
    EXPECT_EQ(t.events.text(), "ping abc, pong 7, pong 8 timed");
}

ws::Route impatient(Transcript& events) {
    return {
        .ping_interval = 250ms,
        .ping_timeout = 250ms,
        .message = [](Socket socket, Message m) { socket.send(m); },
        .close = [&events](Socket, uint16_t code,
                           std::string_view) { events.add("close " + std::to_string(code)); },
    };
}

TEST(WsHeartbeat, ASilentPeerIsPingedAndThenGone) {
    TestServer t;
    t.server.websocket("/", impatient(t.events));
    t.start();
    WsClient client(t.port());
    EXPECT_EQ(client.frame().opcode, Opcode::ping);
    EXPECT_EQ(client.next(), "<reset>");
    EXPECT_TRUE(t.events.wait_for("close 1006"));
    EXPECT_TRUE(t.all_gone());
}

TEST(WsHeartbeat, APeerThatAnswersStays) {
    TestServer t;
    ws::Route route = impatient(t.events);
    route.ping_timeout = 1min;  // For a busy machine; the next ping does not wait for it.
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port());
    for (int i = 0; i < 2; ++i) {
        const Frame ping = client.frame();
        ASSERT_EQ(ping.opcode, Opcode::ping) << ping.end;
        client.send(masked_frame(Opcode::pong, ping.payload));
    }
    client.send_text("alive");
    std::string next = client.next();
    while (next.starts_with("ping")) next = client.next();
    EXPECT_EQ(next, "text(alive)");
}

// A download takes longer than interval and timeout together; a ping would wait behind it.
TEST(WsHeartbeat, APeerThatReadsSlowlyIsNotDead) {
    TestServer t;
    ws::Route route = impatient(t.events);
    route.send_queue_bytes_max = 16'000'000;
    route.open = [](Socket socket) { socket.send(std::string(12'000'000, 'x')); };
    t.server.websocket("/", std::move(route));
    t.start();
    WsClient client(t.port(), "/", "", 4096);
    std::string received = client.read(10);
    const auto began = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - began < 1500ms) {  // Six times the timeout.
        char piece[4096];
        ASSERT_GT(::recv(client.fd(), piece, sizeof piece, 0), 0);
        ::poll(nullptr, 0, 5);
    }
    EXPECT_EQ(t.events.text(), "");
    EXPECT_EQ(t.stats().websockets_open, 1u);
}

}  // namespace
}  // namespace starling::server::test
