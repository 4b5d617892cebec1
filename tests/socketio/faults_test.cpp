// Handlers that throw or end their own socket at every possible moment: other clients are not
// affected, and no socket or timer remains.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/fake/socketio.h"

namespace starling {
namespace {

using fake::Client;
using fake::Workers;
using Lines = std::vector<std::string>;

[[noreturn]] void fail() { throw std::runtime_error("thrown"); }

size_t exceptions(const Workers& workers) {
    size_t count = 0;
    for (const auto& host : workers.runtimes)
        for (const auto& line : host->logged) count += line.ends_with(": thrown") ? 1 : 0;
    return count;
}

// Expects that a broadcast reaches the connected sockets, and no gone socket, whose memory is
// already freed.
void expect_calm(Workers& workers, sio::Namespace& io) {
    Client other(workers, 0, 4);
    other.says("0");
    static_cast<void>(other.takes());
    EXPECT_EQ(io.sockets(), 1u);
    workers.on(0, [&] { io.emit("hello"); });
    workers.settle();
    EXPECT_EQ(other.takes(), Lines{"42[\"hello\"]"});
    other.leaves();
    EXPECT_EQ(workers.servers[0]->sockets().size(), 0u);
    EXPECT_EQ(workers.servers[0]->timers(), 0u);
}

using SetUp = void (*)(Workers&, sio::Namespace& root, sio::Namespace& admin);
struct Case {
    const char* name;
    SetUp set_up;
};

TEST(SocketIoFaults, WhatThrowsWhileAClientLeaves) {
    const Case cases[] = {
        {"disconnecting",
         [](Workers&, sio::Namespace& root, sio::Namespace& admin) {
             for (auto* io : {&root, &admin})
                 io->on_connection([](sio::Socket socket) { socket.on("disconnecting", fail); });
         }},
        {"disconnect",
         [](Workers&, sio::Namespace& root, sio::Namespace& admin) {
             for (auto* io : {&root, &admin})
                 io->on_connection([](sio::Socket socket) { socket.on("disconnect", fail); });
         }},
        {"on_disconnect",
         [](Workers&, sio::Namespace& root, sio::Namespace& admin) {
             for (auto* io : {&root, &admin})
                 io->on_disconnect([](sio::Socket, std::string_view) { fail(); });
         }},
        {"an ack that is given up",
         [](Workers&, sio::Namespace& root, sio::Namespace& admin) {
             for (auto* io : {&root, &admin})
                 io->on_connection([](sio::Socket socket) {
                     socket.emit_with_ack("question", [](const sio::Answer&) { fail(); });
                 });
         }},
        {"on_leave_room",
         [](Workers&, sio::Namespace& root, sio::Namespace& admin) {
             for (auto* io : {&root, &admin}) {
                 io->on_connection([](sio::Socket socket) { socket.join("room"); });
                 io->on_leave_room([](std::string_view, std::string_view) { fail(); });
             }
         }},
        {"on_delete_room",
         [](Workers&, sio::Namespace& root, sio::Namespace& admin) {
             for (auto* io : {&root, &admin}) {
                 io->on_connection([](sio::Socket socket) { socket.join("room"); });
                 io->on_delete_room([](std::string_view) { fail(); });
             }
         }},
    };
    for (const auto& one : cases) {
        for (const std::string how : {"transport", "namespace", "server"}) {
            SCOPED_TRACE(std::string(one.name) + ", " + how);
            Workers workers;
            auto& root = workers.of("/");
            auto& admin = workers.of("/admin");
            one.set_up(workers, root, admin);
            {
                Client client(workers, 0, 4);
                client.says("0");
                client.says("0/admin,");
                if (how == "transport") client.leaves();
                if (how == "namespace") client.says("1/admin,");
                if (how == "server") workers.on(0, [&] { admin.disconnect_sockets(true); });
                workers.settle();
                client.leaves();
            }
            EXPECT_GE(exceptions(workers), 2u);
            EXPECT_EQ(admin.sockets(), 0u);
            workers.on(0, [&] { admin.emit("nobody"); });
            expect_calm(workers, root);
        }
    }
}

TEST(SocketIoFaults, WhatThrowsWhileAClientComes) {
    const Case cases[] = {
        {"on_create_room",
         [](Workers&, sio::Namespace& root, sio::Namespace&) {
             root.on_create_room([](std::string_view) { fail(); });
         }},
        {"on_join_room",
         [](Workers&, sio::Namespace& root, sio::Namespace&) {
             root.on_join_room([](std::string_view, std::string_view) { fail(); });
         }},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.name);
        Workers workers;
        auto& root = workers.of("/");
        one.set_up(workers, root, workers.of("/admin"));
        {
            Client client(workers, 0, 4);
            client.says("0");
            EXPECT_EQ(root.sockets(), 1u);
            EXPECT_TRUE(client.transport.ended.empty());
        }
        expect_calm(workers, root);
    }
}

TEST(SocketIoFaults, ANextThatLeadsToAnExceptionCostsTheClient) {
    Workers workers;
    auto& io = workers.of("/");
    std::vector<sio::Next> waiting;
    io.use([&](sio::Socket, sio::Next next) { waiting.push_back(std::move(next)); });
    io.use([](sio::Socket) -> std::optional<sio::Error> { fail(); });
    Client client(workers, 0, 4);
    client.says("0");
    ASSERT_EQ(waiting.size(), 1u);
    workers.on(0, [&] { waiting[0](); });  // The caller of `next()` gets no exception.
    EXPECT_EQ(client.transport.ended, "forced server close");
    EXPECT_EQ(exceptions(workers), 1u);
    EXPECT_EQ(workers.servers[0]->sockets().size(), 0u);
}

TEST(SocketIoFaults, AListenerOfWhatGoesOutThatThrowsCostsItsClientAlone) {
    for (const bool recovery : {false, true}) {
        socketio::Settings settings;
        if (recovery) settings.recovery = sio::Recovery{};
        Workers workers(1, settings);
        auto& io = workers.of("/");
        bool first = true;
        io.on_connection([&](sio::Socket socket) {
            if (std::exchange(first, false))
                socket.on_any_outgoing(
                    [](std::string_view, std::span<const sio::Json>) { fail(); });
        });
        Client bad(workers, 0, 4);
        bad.says("0");
        Client good(workers, 0, 4);
        good.says("0");
        static_cast<void>(good.takes());
        for (int i = 0; i < 2; ++i) {
            workers.on(0, [&] { io.emit("to all"); });
            workers.settle();
            const auto lines = good.takes();
            ASSERT_EQ(lines.size(), 1u) << recovery;
            EXPECT_TRUE(lines[0].starts_with("42[\"to all\"")) << lines[0];
        }
        EXPECT_EQ(bad.transport.ended, "forced server close");
        EXPECT_EQ(exceptions(workers), 1u);
    }
}

TEST(SocketIoFaults, WhoIsEndedByACatchAllListenerIsNotDispatched) {
    for (const bool by_guard : {false, true}) {
        Workers workers;
        auto& io = workers.of("/");
        int calls = 0;
        io.on("event", [&] { ++calls; });
        io.on_connection([&, by_guard](sio::Socket socket) {
            socket.on("event", [&] { ++calls; });
            if (by_guard)
                socket.use([socket](std::string_view,
                                    std::span<const sio::Json>) -> std::optional<sio::Error> {
                    socket.disconnect(true);
                    return std::nullopt;
                });
            else
                socket.on_any([socket](std::string_view, std::span<const sio::Json>) {
                    socket.disconnect();
                });
        });
        Client client(workers, 0, 4);
        client.says("0");
        client.says("2[\"event\"]");
        EXPECT_EQ(calls, 0) << by_guard;
    }
}

TEST(SocketIoFaults, TimersEndWithWhatTheyAreFor) {
    Workers workers;
    auto& io = workers.of("/");
    io.on("ask", [](sio::Socket socket) {
        socket.timeout(std::chrono::hours(1)).emit_with_ack("q", [](const sio::Answer&) {});
    });
    auto& core = *workers.servers[0];
    {
        Client client(workers, 0, 4);
        client.says("0");
        EXPECT_EQ(core.timers(), 0u);
        for (int i = 0; i < 10; ++i) {
            client.says("2[\"ask\"]");
            EXPECT_EQ(core.timers(), 1u);
            client.says("3" + std::to_string(i) + "[]");
            EXPECT_EQ(core.timers(), 0u);
        }
        client.says("2[\"ask\"]");
        EXPECT_EQ(core.timers(), 1u);
    }
    EXPECT_EQ(core.timers(), 0u);
    bool fetched = false;
    workers.on(0, [&] {
        io.local().fetch_sockets([&](std::vector<sio::RemoteSocket>) { fetched = true; });
    });
    workers.settle();
    EXPECT_TRUE(fetched);
    EXPECT_EQ(core.timers(), 0u);
}

TEST(SocketIoFaults, TheTimerOfALoginEndsWithItsSocket) {
    socketio::Settings settings;
    settings.login = [](const sio::Json&, const socketio::ConnectInfo&, int64_t now_s) {
        return socketio::Login{.user = "u", .expires_s = now_s + 86'400, .code = {}};
    };
    Workers workers(1, settings);
    static_cast<void>(workers.of("/"));
    for (int i = 0; i < 3; ++i) {
        Client client(workers, 0, 4);
        client.says("0");
        EXPECT_EQ(workers.servers[0]->timers(), 1u);
    }
    EXPECT_EQ(workers.servers[0]->timers(), 0u);
}

// Calls from another thread are answered even if the socket leaves before they arrive.
TEST(SocketIoFaults, AQuestionThatComesTooLateIsAnswered) {
    Workers workers(2);
    std::vector<sio::Socket> sockets;
    workers.of("/").on_connection([&](sio::Socket socket) { sockets.push_back(socket); });
    Client client(workers, 0, 4);
    client.says("0");
    ASSERT_EQ(sockets.size(), 1u);
    int answers = 0;
    workers.on(1, [&] {
        sockets[0].emit_with_ack("q", [&](const sio::Answer& answer) {
            ++answers;
            EXPECT_EQ(answer.status, sio::Answer::Status::disconnected);
        });
    });
    client.leaves();
    EXPECT_EQ(answers, 1);
}

// The destructor of an application's object emits, and disconnects the next client.
TEST(SocketIoFaults, WhatASocketHoldsMayEndAnotherClientWhenItIsFreed) {
    Workers workers;
    auto& io = workers.of("/");
    static constexpr int chained = 3;
    std::vector<sio::Socket> sockets;
    io.on_connection([&](sio::Socket socket) {
        sockets.push_back(socket);
        const auto number = static_cast<int>(sockets.size());
        if (number > chained) return;
        socket.emplace_data<std::shared_ptr<void>>(nullptr, [&io, &sockets, number](void*) {
            io.emit("freed", number);
            if (number < chained) sockets[static_cast<size_t>(number)].disconnect();
        });
    });
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < chained; ++i) clients.push_back(fake::join(workers));
    const auto observer = fake::join(workers);
    clients.front()->leaves();
    EXPECT_EQ(observer->takes(), (Lines{"42[\"freed\",1]", "42[\"freed\",2]", "42[\"freed\",3]"}));
    EXPECT_EQ(io.sockets(), 1u);
    EXPECT_EQ(workers.servers[0]->sockets().size(), 1u);
}

}  // namespace
}  // namespace starling
