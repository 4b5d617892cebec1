// A Socket.IO client that does not receive for a while, and one that sends more than the kernel takes.
#include <gtest/gtest.h>
#include <starling/socketio_client.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/client/socketio_site.h"

namespace starling::client::test {
namespace {

constexpr int events = 1000;
const std::string filler(5'000, 'x');

// "flood" is answered with events that are more than the kernel's buffers hold, "mark" calls `on_mark`, on
// the server's thread.
struct FloodSite {
    explicit FloodSite(std::function<void()> on_mark = [] {}) {
        auto& io = host.server.socketio({.send_queue_bytes_max = 64 * 1024 * 1024});
        io.on("flood", [](sio::Socket socket) {
            for (int i = 0; i < events; ++i) socket.emit("drop", i, filler);
        });
        io.on("mark", [call = std::move(on_mark)] { call(); });
        io.on("take", [this](std::string text) { taken += text.size(); });
        io.on("taken", [this] { return taken; });
        host.start();
    }
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(host.port());
    }
    size_t taken = 0;
    server::test::TestServer host;
};

const std::vector<std::vector<sio::ClientTransport>> all_transports = {
    {"polling"}, {"websocket"}, {"polling", "websocket"}};

TEST(SioBackpressure, APausedClientGetsNothingAndLosesNothing) {
    for (const auto& transports : all_transports) {
        ClientLoop loop;
        std::function<void()> marked;
        FloodSite site([&] { loop.post([&] { marked(); }); });
        auto socket = sio::connect(loop, site.url(), {.transports = transports});
        int got = 0, rounds = 0, stopped_at = 0;
        bool in_order = true;
        // The server takes what a paused client sends. It has the whole flood behind it then.
        marked = [&] {
            EXPECT_EQ(got, stopped_at);
            EXPECT_TRUE(socket.io().paused());
            if (++rounds < 5) return socket.emit("mark");
            rounds = 0;
            socket.io().resume();
        };
        socket.on("connect", [&] { socket.emit("flood"); });
        socket.on("drop", [&](int number, const std::string& text) {
            in_order = in_order && number == got && text == filler;
            ++got;
            if (got == events) return socket.disconnect();
            if (got != 10 && got != 11 && got != events / 2) return;
            stopped_at = got;
            socket.io().pause();
            socket.emit("mark");
        });
        loop.run();
        EXPECT_EQ(got, events);
        EXPECT_TRUE(in_order);
    }
}

TEST(SioBackpressure, APauseHoldsForLaterConnections) {
    Site site;
    ClientLoop loop;
    auto socket = sio::connect(loop, site.url(), {.force_new = true});
    Lines lines;
    socket.io().pause();
    EXPECT_TRUE(socket.io().paused());
    socket.io().on("open", [&] {
        lines.emplace_back("open");
        loop.post([&] {
            lines.emplace_back("resume");
            socket.io().resume();
        });
    });
    socket.on("connect", [&] {
        lines.emplace_back("connect");
        socket.disconnect();
    });
    loop.run();
    EXPECT_EQ(lines, (Lines{"open", "resume", "connect"}));
    EXPECT_FALSE(socket.io().paused());
}

TEST(SioBackpressure, APausedClientCanBeClosed) {
    for (const auto& transports : all_transports) {
        FloodSite site;
        ClientLoop loop;
        auto socket = sio::connect(loop, site.url(), {.transports = transports});
        std::string reason;
        socket.on("connect", [&] { socket.emit("flood"); });
        socket.on("drop", [&] {
            socket.io().pause();
            loop.post([&] { socket.disconnect(); });
        });
        socket.on("disconnect", [&](std::string why) { reason = why; });
        loop.run();
        EXPECT_EQ(reason, "io client disconnect");
    }
}

TEST(SioBackpressure, TellsWhatHasNotLeftAndWhenItHas) {
    constexpr size_t parts = 100, part_bytes = 100'000;
    for (const bool late : {false, true}) {
        for (const auto& transports : all_transports) {
            FloodSite site;
            ClientLoop loop;
            auto socket = sio::connect(loop, site.url(), {.transports = transports});
            size_t drains = 0, taken = 0;
            const auto on_drain = [&] {
                ++drains;
                EXPECT_EQ(socket.io().buffered_amount(), 0u);
                if (drains > 1) return;
                socket.emit_with_ack("taken", [&](const sio::Answer& answer) {
                    taken = answer.value().to_number<size_t>();
                    socket.disconnect();
                });
            };
            if (!late) socket.io().on("drain", on_drain);
            socket.on("connect", [&] {
                EXPECT_EQ(socket.io().buffered_amount(), 0u);
                const std::string part(part_bytes, 'p');
                for (size_t i = 0; i < parts; ++i) socket.emit("take", part);
                EXPECT_GE(socket.io().buffered_amount(), parts * part_bytes);
                EXPECT_LT(socket.io().buffered_amount(), parts * (part_bytes + 100));
                if (late) socket.io().on("drain", on_drain);
            });
            loop.run();
            EXPECT_GE(drains, 1u);
            EXPECT_EQ(taken, parts * part_bytes);
            EXPECT_EQ(socket.io().buffered_amount(), 0u);
        }
    }
}

}  // namespace
}  // namespace starling::client::test
