// Handles that are used before the server starts, from other threads, and after the server is gone.
#include <gtest/gtest.h>
#include <starling/socketio.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

constexpr std::string_view socketio_path = "/socket.io/?EIO=4&transport=websocket";

// Handles that the handlers keep.
struct Kept {
    std::mutex mutex;
    std::vector<ws::Socket> websockets;
    std::vector<sio::Socket> sockets;
    std::vector<sio::Ack> acks;
    std::vector<sio::Next> nexts;
    std::optional<http::Reply> reply;
};

// Uses every method of every handle. Returns how many throw.
size_t use_all(Kept& kept) {
    const std::lock_guard lock(kept.mutex);
    size_t refused = 0;
    const auto own = [&](auto&& call) {
        try {
            call();
        } catch (const std::logic_error&) {
            ++refused;
        }
    };
    for (const auto& socket : kept.websockets) {
        socket.send("x");
        socket.ping();
        socket.join("topic");
        socket.publish("topic", "x");
        socket.leave("topic");
        static_cast<void>(socket.is_open() || socket.buffered_amount() || socket.id());
        own([&] { static_cast<void>(socket.subprotocol()); });
        own([&] { static_cast<void>(socket.remote_address()); });
        own([&] { static_cast<void>(socket.round_trip_time()); });
        own([&] { static_cast<void>(socket.compresses()); });
        own([&] { static_cast<void>(socket.data<int>()); });
    }
    for (const auto& socket : kept.sockets) {
        socket.emit("x", 1);
        socket.emit_with_ack("x", [](const sio::Answer&) {});
        socket.volatile_().emit("x");
        socket.join("room");
        socket.leave("room");
        socket.to("room").emit("x");
        socket.broadcast().emit("x");
        static_cast<void>(socket.id() + socket.nsp() + socket.user());
        static_cast<void>(socket.connected());
        own([&] { socket.on("x", [] {}); });
        own([&] { socket.once("x", [] {}); });
        own([&] { socket.off("x"); });
        own([&] { socket.on_any([](auto&&...) {}); });
        own([&] { socket.use([](auto&&...) { return std::nullopt; }); });
        own([&] { static_cast<void>(socket.rooms()); });
        own([&] { static_cast<void>(socket.handshake()); });
        own([&] { static_cast<void>(socket.transport()); });
        own([&] { static_cast<void>(socket.data_as<int>()); });
    }
    for (const auto& ack : kept.acks) ack(1);
    for (const auto& next : kept.nexts) next();
    if (kept.reply) {
        static_cast<void>(kept.reply->closed());
        static_cast<void>(kept.reply->write("piece"));
    }
    return refused;
}

void set_up(Server& server, Kept& kept, Transcript& events) {
    server.websocket("/ws", {.open = [&](ws::Socket socket) {
                         const std::lock_guard lock(kept.mutex);
                         kept.websockets.push_back(socket);
                         events.add("open");
                     }});
    server.get("/later", [&](const http::Request&, http::Response& response) {
        const std::lock_guard lock(kept.mutex);
        kept.reply = response.later();
        events.add("later");
    });
    auto& io = server.socketio();
    io.use([&](sio::Socket, sio::Next next) {
        {
            const std::lock_guard lock(kept.mutex);
            kept.nexts.push_back(next);
        }
        next();
    });
    io.on_connection([&](sio::Socket socket) {
        const std::lock_guard lock(kept.mutex);
        kept.sockets.push_back(socket);
        socket.on("ask", [&](sio::Ack ack) {
            const std::lock_guard again(kept.mutex);
            kept.acks.push_back(ack);
            events.add("asked");
        });
    });
}

TEST(Handles, EveryMethodFromAnotherThreadWhileTheServerStartsRunsAndEnds) {
    Kept kept;
    std::optional<sio::Broadcast> everybody;
    std::atomic<bool> over{false};
    std::jthread user;
    {
        TestServer t({.workers = 2});
        set_up(t.server, kept, t.events);
        auto& io = t.server.socketio({.path = "/early"});
        everybody = io.to("nobody");
        std::atomic<bool> ready{false};
        std::jthread early([&] {  // Starts before the server.
            while (!ready) {
                io.emit("x", 1);
                io.in_namespace("/other").emit("x");
                t.server.publish("topic", "x");
                t.server.cancel(t.server.after(1h, [] {}));
            }
        });
        t.start();
        ready = true;
        early.join();
        user = std::jthread([&] {
            while (!over) {
                use_all(kept);
                everybody->emit("x");
                everybody->fetch_sockets([](auto&&) {});
            }
        });
        WsClient websocket(t.port(), "/ws"), client(t.port(), socketio_path);
        client.send_text("40");
        client.send_text("420[\"ask\"]");
        Client waits(t.port());
        waits.send("GET /later HTTP/1.1\r\nHost: here\r\n\r\n");
        EXPECT_TRUE(t.events.wait_for("open"));
        EXPECT_TRUE(t.events.wait_for("asked"));
        EXPECT_TRUE(t.events.wait_for("later"));
        EXPECT_EQ(use_all(kept), 5u + 9u);  // Methods that only the own thread may call.
    }
    over = true;
    user.join();
    // The server is gone: all calls do nothing.
    EXPECT_EQ(use_all(kept), 0u);
    EXPECT_TRUE(kept.reply->closed());
    EXPECT_FALSE(kept.websockets.front().is_open());
    EXPECT_EQ(kept.websockets.front().send("x"), ws::SendResult::closed);
    EXPECT_FALSE(kept.sockets.front().connected());
    size_t answers = 0;
    kept.sockets.front().emit_with_ack("x", [&](const sio::Answer& answer) {
        answers += answer.status == sio::Answer::Status::disconnected;
    });
    everybody->emit_with_ack("x", [&](const sio::Answers&) { ++answers; });
    everybody->fetch_sockets([&](std::vector<sio::RemoteSocket>) { ++answers; });
    EXPECT_EQ(answers, 3u);
}

TEST(Handles, AnotherThreadLearnsTheIdAndReachesTheOthers) {
    TestServer t;
    Kept kept;
    set_up(t.server, kept, t.events);
    t.start();
    WsClient one(t.port(), socketio_path), two(t.port(), socketio_path);
    for (WsClient* client : {&one, &two}) {
        EXPECT_TRUE(client->next().starts_with("text(0"));
        client->send_text("40");
        EXPECT_TRUE(client->next().starts_with("text(40{\"sid\":\""));
    }
    EXPECT_TRUE(eventually([&] {
        const std::lock_guard lock(kept.mutex);
        return kept.sockets.size() == 2;
    }));
    const sio::Socket first = kept.sockets[0], second = kept.sockets[1];
    EXPECT_EQ(first.id().size(), 20u);
    EXPECT_NE(first.id(), second.id());
    EXPECT_EQ(first.nsp(), "/");
    first.broadcast().emit("hello", first.id());
    first.to(second.id()).emit("private");
    EXPECT_EQ(two.next(), "text(42[\"hello\",\"" + first.id() + "\"])");
    EXPECT_EQ(two.next(), "text(42[\"private\"])");
    EXPECT_THROW(first.on("x", [] {}), std::logic_error);
}

}  // namespace
}  // namespace starling::server::test
