// Calls of a Socket.IO client on a wrong thread, handles and loops that end early.
#include <gtest/gtest.h>
#include <starling/socketio_client.h>

#include <future>
#include <memory>
#include <optional>
#include <string>

#include "tests/client/socketio_site.h"
#include "tests/server/fixture.h"

namespace starling::client::test {
namespace {

TEST(SioLifetime, AnotherThreadIsRefused) {
    Site site;
    ClientLoop loop;
    std::optional<sio::ClientSocket> socket;
    std::promise<void> connected, answered;
    std::optional<sio::Ack> ack;
    loop.start();
    loop.post([&] {
        socket = sio::connect(loop, site.url());
        socket->on("question", [&](sio::Ack given) {
            ack = given;
            answered.set_value();
        });
        socket->on("connect", [&] {
            socket->emit("ask");
            connected.set_value();
        });
    });
    connected.get_future().wait();
    answered.get_future().wait();
    const auto refused = [](auto call) { EXPECT_THROW(call(), std::logic_error); };
    refused([&] { (void)sio::connect(loop, site.url()); });
    refused([&] { socket->emit("x"); });
    refused([&] { socket->volatile_().emit("x"); });
    refused([&] { socket->emit_with_ack("sum", 1, 2, [](const sio::Answer&) {}); });
    refused([&] { socket->on("x", [] {}); });
    refused([&] { socket->once("x", [] {}); });
    refused([&] { socket->off("x"); });
    refused([&] { socket->off(); });
    refused([&] { socket->on_any([](auto, auto) {}); });
    refused([&] { socket->off_any(); });
    refused([&] { socket->on_any_outgoing([](auto, auto) {}); });
    refused([&] { socket->off_any_outgoing(); });
    refused([&] { socket->connect(); });
    refused([&] { socket->disconnect(); });
    refused([&] { (void)socket->id(); });
    refused([&] { (void)socket->connected(); });
    refused([&] { socket->io().on("open", [] {}); });
    refused([&] { socket->io().close(); });
    refused([&] { (*ack)(1); });
    std::promise<std::string> said;
    loop.post([&] {
        socket->on("you said", [&](int n) { said.set_value(std::to_string(n)); });
        (*ack)(7);
    });
    EXPECT_EQ(said.get_future().get(), "7");  // What was refused did nothing.
    socket.reset();                           // A handle may go anywhere.
}

TEST(SioLifetime, AfterTheLoop) {
    Site site;
    for (const char* const transport : {"polling", "websocket"}) {
        auto loop = std::make_unique<ClientLoop>();
        auto socket = sio::connect(*loop, site.url(), {.transports = {transport}});
        auto io = socket.io();
        std::optional<sio::Ack> ack;
        int calls = 0;
        socket.on("question", [&](sio::Ack given) {
            ack = given;
            loop->stop();
        });
        socket.on("disconnect", [&] { ++calls; });
        socket.emit("ask");
        // Captures of its own handle: the end of the loop frees them.
        socket.on("x", [socket] { socket.disconnect(); });
        socket.on_any([socket](auto, auto) {});
        socket.emit_with_ack("never", [&, socket](const sio::Answer&) { ++calls; });
        loop->run();
        EXPECT_TRUE(socket.connected());
        loop.reset();
        EXPECT_FALSE(socket.connected());
        EXPECT_FALSE(socket.active());
        EXPECT_EQ(socket.id(), "");
        EXPECT_EQ(socket.nsp(), "/");
        EXPECT_FALSE(io.reconnecting());
        EXPECT_THROW(socket.emit("x"), std::logic_error);
        EXPECT_THROW(socket.on("x", [] {}), std::logic_error);
        EXPECT_THROW(socket.connect(), std::logic_error);
        EXPECT_THROW(socket.disconnect(), std::logic_error);
        EXPECT_THROW(io.on("open", [] {}), std::logic_error);
        EXPECT_THROW(io.close(), std::logic_error);
        (*ack)(1);  // Nobody is there to answer.
        EXPECT_EQ(calls, 0);
    }
    EXPECT_TRUE(site.host.all_gone());
}

TEST(SioLifetime, TheLastHandleGoesInItsHandler) {
    Site site;
    for (const char* const event : {"connect", "news", "disconnect", "connecting"}) {
        ClientLoop loop;
        auto socket = std::make_unique<sio::ClientSocket>(sio::connect(loop, site.url()));
        bool gone = false;
        socket->on(event, [&] {
            if (gone) return;
            gone = true;
            if (event == std::string("news") || event == std::string("connect"))
                socket->disconnect();
            socket.reset();
        });
        if (event != std::string("connect"))
            socket->on("connect", [&, weak = socket.get()] {
                if (!socket) return loop.stop();  // Connected, without any handle.
                weak->emit("tell");
                if (event == std::string("disconnect")) weak->disconnect();
            });
        loop.run();
        EXPECT_TRUE(gone) << event;
    }
    EXPECT_TRUE(site.host.all_gone());
}

TEST(SioLifetime, ASocketWithoutHandlesLivesOn) {
    Lines lines;
    ClientLoop loop;
    Site site;
    {
        auto socket = sio::connect(loop, site.url());
        socket.on("connect", [&] { lines.emplace_back("connect"); });
        socket.emit("tell");
        socket.on("news", [&] {
            lines.emplace_back("news");
            loop.stop();
        });
    }
    loop.run();
    EXPECT_EQ(lines, (Lines{"connect", "news"}));
    // A new handle for the same namespace is another connection, as in Node's client.
    auto other = sio::connect(loop, site.url());
    other.on("connect", [&] { loop.stop(); });
    loop.run();
    EXPECT_TRUE(other.connected());
}

TEST(SioLifetime, SocketsOfOneLoopDoNotPileUp) {
    ClientLoop loop;
    Site site;
    for (int i = 0; i < 20; ++i) {
        auto socket = sio::connect(loop, site.url());
        socket.on("connect", [s = std::weak_ptr(std::make_shared<int>(i)), &loop] { loop.stop(); });
        loop.run();
        socket.disconnect();
        loop.run();
        EXPECT_FALSE(socket.active());
    }
    EXPECT_TRUE(site.host.all_gone());
}

}  // namespace
}  // namespace starling::client::test
