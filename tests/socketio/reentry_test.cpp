// Calls every method of every handle from every handler: each call returns, the client ends in the
// expected state, and other clients go on.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/fake/socketio.h"
#include "tests/fake/watchdog.h"

namespace starling {
namespace {

using namespace std::chrono_literals;
using fake::Client;
using fake::Workers;
using Lines = std::vector<std::string>;

constexpr size_t turns_max = 200;

// The objects that a handler can use.
struct Scene {
    sio::Socket socket;  // The client that the handler is called for.
    sio::Namespace& root;
    sio::Namespace& game;
};
using Method = std::function<void(const Scene&)>;
struct NamedMethod {
    const char* name;
    Method call;
};

std::vector<NamedMethod> methods() {
    const auto nothing = [](const auto&...) {};
    const auto add = [](const Scene& s, auto&&... what) { (s.socket.on(what, [] {}), ...); };
    return {
        {"id", [](const Scene& s) { static_cast<void>(s.socket.id()); }},
        {"emit", [](const Scene& s) { s.socket.emit("x", 1); }},
        {"send", [](const Scene& s) { s.socket.send("x"); }},
        {"emit bytes", [](const Scene& s) { s.socket.emit("x", sio::Binary(std::string("b"))); }},
        {"emit_with_ack", [=](const Scene& s) { s.socket.emit_with_ack("x", nothing); }},
        {"future", [](const Scene& s) { static_cast<void>(s.socket.emit_with_ack("x")); }},
        {"volatile_", [](const Scene& s) { s.socket.volatile_().emit("x"); }},
        {"timeout", [=](const Scene& s) { s.socket.timeout(1ms).emit_with_ack("x", nothing); }},
        {"timeout over",
         [=](const Scene& s) { s.socket.timeout(-1ms).emit_with_ack("x", nothing); }},
        {"on", [=](const Scene& s) { add(s, "x", "disconnect", "disconnecting"); }},
        {"once", [](const Scene& s) { s.socket.once("disconnect", [] {}); }},
        {"off", [](const Scene& s) { s.socket.off(); }},
        {"off one", [](const Scene& s) { s.socket.off("disconnecting"); }},
        {"on_any", [=](const Scene& s) { s.socket.on_any(nothing); }},
        {"prepend_any", [=](const Scene& s) { s.socket.prepend_any(nothing); }},
        {"off_any", [](const Scene& s) { s.socket.off_any(); }},
        {"on_any_outgoing", [=](const Scene& s) { s.socket.on_any_outgoing(nothing); }},
        {"off_any_outgoing", [](const Scene& s) { s.socket.off_any_outgoing(); }},
        {"use", [](const Scene& s) { s.socket.use([](auto&&...) { return std::nullopt; }); }},
        {"join", [](const Scene& s) { s.socket.join("other"); }},
        {"join again", [](const Scene& s) { s.socket.join("room"); }},
        {"leave", [](const Scene& s) { s.socket.leave("room"); }},
        {"rooms", [](const Scene& s) { static_cast<void>(s.socket.rooms()); }},
        {"to", [](const Scene& s) { s.socket.to("room").emit("x"); }},
        {"broadcast", [](const Scene& s) { s.socket.broadcast().emit("x"); }},
        {"except", [](const Scene& s) { s.socket.except("other").emit("x"); }},
        {"local", [](const Scene& s) { s.socket.local().emit("x"); }},
        {"disconnect", [](const Scene& s) { s.socket.disconnect(); }},
        {"disconnect all", [](const Scene& s) { s.socket.disconnect(true); }},
        {"throws", [](const Scene&) { throw std::runtime_error("thrown"); }},
        {"handshake", [](const Scene& s) { static_cast<void>(s.socket.handshake()); }},
        {"data",
         [](const Scene& s) {
             if (s.socket.connected()) s.socket.data() = 1;
         }},
        {"io.emit", [](const Scene& s) { s.root.emit("x"); }},
        {"io.emit to the other namespace", [](const Scene& s) { s.game.emit("x"); }},
        {"io.to", [](const Scene& s) { s.root.to("room").emit("x"); }},
        {"io.except", [](const Scene& s) { s.root.except("room").emit("x"); }},
        {"io.emit_with_ack", [=](const Scene& s) { s.root.emit_with_ack("x", nothing); }},
        {"io.sockets_join", [](const Scene& s) { s.root.sockets_join("other"); }},
        {"io.sockets_join again", [](const Scene& s) { s.game.sockets_join("room"); }},
        {"io.sockets_leave", [](const Scene& s) { s.root.sockets_leave("room"); }},
        {"io.fetch_sockets", [=](const Scene& s) { s.root.fetch_sockets(nothing); }},
        {"io.server_side_emit", [](const Scene& s) { s.root.server_side_emit("x"); }},
        {"io.disconnect_sockets", [](const Scene& s) { s.root.disconnect_sockets(); }},
        {"io.disconnect_sockets all", [](const Scene& s) { s.game.disconnect_sockets(true); }},
    };
}

// The handler from which the method is called. Each kind of handler is set in both namespaces.
enum class From {
    connection,
    event,
    shared_event,
    any,
    any_outgoing,
    packet_middleware,
    error,
    middleware,
    disconnecting,
    disconnect,
    on_disconnect,
    ack,
    ack_given_up,
    create_room,
    delete_room,
    join_room,
    leave_room,
    count
};
constexpr const char* from_names[] = {
    "connection",        "event",     "shared event", "on_any",        "on_any_outgoing",
    "packet middleware", "error",     "middleware",   "disconnecting", "disconnect",
    "on_disconnect",     "ack",       "ack given up", "create-room",   "delete-room",
    "join-room",         "leave-room"};

void set_up(From from, sio::Namespace& nsp, const std::function<void(sio::Socket)>& call,
            const std::shared_ptr<sio::Socket>& newest) {
    if (from == From::middleware)
        nsp.use([=](sio::Socket socket) -> std::optional<sio::Error> {
            call(socket);
            return std::nullopt;
        });
    nsp.on_connection([=](sio::Socket socket) {
        *newest = socket;
        socket.join("room");
        const auto on = [&](const char* name) { socket.on(name, [=](sio::Socket s) { call(s); }); };
        switch (from) {
            case From::connection: return call(socket);
            case From::event: return on("go");
            case From::disconnecting: return on("disconnecting");
            case From::disconnect: return on("disconnect");
            case From::any: return socket.on_any([=](auto&&...) { call(socket); });
            case From::any_outgoing:
                return socket.on_any_outgoing([=](auto&&...) { call(socket); });
            case From::packet_middleware:
                return socket.use([=](auto&&...) -> std::optional<sio::Error> {
                    call(socket);
                    return std::nullopt;
                });
            case From::error:
                on("error");
                return socket.use([](auto&&...) { return sio::Error{.message = "no"}; });
            case From::ack:
            case From::ack_given_up:
                return socket.emit_with_ack("ask", [=](const sio::Answer&) { call(socket); });
            default: return;
        }
    });
    if (from == From::shared_event) nsp.on("go", [=](sio::Socket socket) { call(socket); });
    if (from == From::on_disconnect)
        nsp.on_disconnect([=](sio::Socket socket, std::string_view) { call(socket); });
    const auto member = [=](std::string_view, std::string_view) { call(*newest); };
    const auto room = [=](std::string_view) { call(*newest); };
    if (from == From::create_room) nsp.on_create_room(room);
    if (from == From::delete_room) nsp.on_delete_room(room);
    if (from == From::join_room) nsp.on_join_room(member);
    if (from == From::leave_room) nsp.on_leave_room(member);
}

void run(From from, const Method& method, fake::Watchdog& watchdog, size_t packets_max) {
    Workers workers(2);
    workers.on_turn = [&] { watchdog.turn(); };
    auto& root = workers.of("/");
    auto& game = workers.of("/game");
    const auto newest = std::make_shared<sio::Socket>();
    size_t calls = 0;
    for (sio::Namespace* nsp : {&root, &game})
        set_up(
            from, *nsp,
            [&](sio::Socket socket) {
                ++calls;
                method({socket, root, game});
            },
            newest);
    {
        Client client(workers, 0, 4), elsewhere(workers, 1, 4);
        client.transport.packets_max = packets_max;
        for (Client* each : {&client, &elsewhere}) {
            each->says("0");
            each->says("0/game,");
            each->says("2[\"go\"]");
            each->says("2/game,[\"go\"]");
            if (from == From::ack) each->says("3" + std::to_string(0) + "[1]");
        }
        workers.on(0, [&] { game.emit("all"); });
        workers.settle();
        workers.pass(20'000);
        client.leaves();
        elsewhere.leaves();
        workers.pass(20'000);  // For the handlers' requests to clients that do not answer.
    }
    EXPECT_GE(calls, 1u);
    EXPECT_EQ(root.sockets(), 0u);
    EXPECT_EQ(game.sockets(), 0u);
    for (const auto& server : workers.servers) {
        EXPECT_EQ(server->sockets().size(), 0u);
        EXPECT_EQ(server->timers(), 0u);
    }
    EXPECT_LE(watchdog.turns(), turns_max);
}

TEST(SocketIoReentry, EveryMethodFromEveryHandler) {
    fake::Watchdog watchdog(20s);
    for (size_t from = 0; from < size_t(From::count); ++from) {
        for (const auto& method : methods()) {
            const std::string name = std::string(method.name) + " from " + from_names[from];
            SCOPED_TRACE(name);
            watchdog.begin(name);
            run(From(from), method.call, watchdog, SIZE_MAX);
            watchdog.begin(name + ", with a queue that is full");
            run(From(from), method.call, watchdog, 4);
        }
    }
}

// The client's queue has room for one more packet; the broadcast of the first namespace exceeds it.
TEST(SocketIoReentry, ALeaverWhoseFarewellFillsItsOwnQueueLeavesEverywhere) {
    fake::Watchdog watchdog(20s);
    watchdog.begin("farewell");
    Workers workers;
    auto& root = workers.of("/");
    auto& game = workers.of("/game");
    Lines left;
    game.on_disconnect([&](sio::Socket, std::string_view reason) {
        left.push_back("game begins, " + std::string(reason));
        root.emit("has left");
        left.push_back("game ends");
    });
    root.on_disconnect([&](sio::Socket, std::string_view reason) {
        left.push_back("root, " + std::string(reason));
    });
    Client client(workers, 0, 4);
    client.says("0");
    client.says("0/game,");
    client.transport.packets_max = client.transport.got.size();
    client.says("1/game,");
    EXPECT_EQ(left, (Lines{"game begins, client namespace disconnect", "game ends",
                           "root, transport error"}));
    EXPECT_EQ(root.sockets(), 0u);
}

TEST(SocketIoReentry, DisconnectingOfASecondNamespaceMayEndTheConnection) {
    fake::Watchdog watchdog(20s);
    watchdog.begin("disconnecting");
    Workers workers;
    auto& root = workers.of("/");
    auto& game = workers.of("/game");
    Lines left;
    game.on_connection([&](sio::Socket socket) {
        socket.on("disconnecting", [&](sio::Socket leaver) { leaver.disconnect(true); });
        socket.on("disconnect", [&] { left.push_back("game"); });
    });
    root.on_disconnect([&](sio::Socket, std::string_view) { left.push_back("root"); });
    Client client(workers, 0, 4);
    client.says("0");
    client.says("0/game,");
    client.leaves();
    EXPECT_EQ(left, (Lines{"game", "root"}));
}

// Each leaver's farewell ends the next one: they leave one after the other, without recursion.
TEST(SocketIoReentry, AChainOfLeaversNeedsNoStack) {
    fake::Watchdog watchdog(60s);
    watchdog.begin("chain");
    Workers workers;
    auto& io = workers.of("/");
    std::vector<sio::Socket> sockets;
    size_t left = 0, depth = 0, depth_max = 0;
    io.on_connection([&](sio::Socket socket) { sockets.push_back(socket); });
    io.on_disconnect([&](sio::Socket, std::string_view) {
        depth_max = std::max(depth_max, ++depth);
        if (++left < sockets.size()) sockets[left].disconnect(true);
        --depth;
    });
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 500; ++i) clients.push_back(fake::join(workers));
    workers.on(0, [&] { sockets[0].disconnect(true); });
    EXPECT_EQ(left, 500u);
    EXPECT_EQ(depth_max, 1u);
    EXPECT_EQ(io.sockets(), 0u);
}

// Asks until a client answers: each attempt is a separate call of the loop.
TEST(SocketIoReentry, AskingAgainInTheCallbackIsNoRecursion) {
    fake::Watchdog watchdog(60s);
    watchdog.begin("again");
    Workers workers;
    auto& io = workers.of("/");
    sio::Socket gone;
    io.on_connection([&](sio::Socket socket) { gone = socket; });
    fake::join(workers)->leaves();
    size_t attempts = 0, depth = 0, depth_max = 0;
    std::function<void()> ask_one, ask_all;
    ask_one = [&] {
        depth_max = std::max(depth_max, ++depth);
        if (++attempts < 20'000)
            gone.emit_with_ack("ask", [&](const sio::Answer& answer) {
                EXPECT_FALSE(answer);
                ask_one();
            });
        --depth;
    };
    ask_all = [&] {
        depth_max = std::max(depth_max, ++depth);
        if (++attempts < 40'000)
            io.emit_with_ack("ask", [&](const sio::Answers& answers) {
                EXPECT_TRUE(answers.responses.empty());
                ask_all();
            });
        --depth;
    };
    workers.on(0, ask_one);
    workers.settle();
    workers.on(0, ask_all);
    workers.settle();
    EXPECT_EQ(attempts, 40'000u);
    EXPECT_EQ(depth_max, 1u);
}

// A listener logs outgoing packets by sending them to all clients on both workers.
TEST(SocketIoReentry, WhatAListenerOfOutgoingPacketsSendsIsNotToldAgain) {
    fake::Watchdog watchdog(20s);
    watchdog.begin("outgoing");
    for (const bool recovery : {false, true}) {
        socketio::Settings settings;
        if (recovery) settings.recovery = sio::Recovery{};
        Workers workers(2, settings);
        auto& io = workers.of("/");
        size_t told = 0;
        io.on_connection([&](sio::Socket socket) {
            socket.on_any_outgoing([&, socket](std::string_view name, auto&&...) {
                EXPECT_EQ(name, "x");
                ++told;
                io.emit("log");
                socket.emit("log");
            });
        });
        const auto one = fake::join(workers, 0), two = fake::join(workers, 1);
        workers.on(0, [&] { io.emit("x"); });
        workers.settle();
        EXPECT_EQ(told, 2u);
        EXPECT_EQ(one->takes().size(), 4u);
        EXPECT_EQ(two->takes().size(), 4u);
    }
}

}  // namespace
}  // namespace starling
