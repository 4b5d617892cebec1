// Setting up a Socket.IO server: what it refuses, and what it counts.
#include <gtest/gtest.h>
#include <starling/server.h>
#include <starling/socketio.h>

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/server/engineio/fixture.h"

namespace starling::server::test {
namespace {

using namespace std::chrono_literals;

// What the compiler refuses with a message, and what it accepts.
namespace check {

using sio::detail::Callable, sio::detail::readable, sio::detail::rest_is_last;
using Rest = std::span<const sio::Json>;

struct Unknown {};
constexpr auto generic = [](auto) {};
constexpr auto plain = [](int) {};
static_assert(Callable<decltype(plain)> && Callable<void (*)(int)>);
static_assert(!Callable<decltype(generic)> && !Callable<int>);
static_assert(readable<std::vector<std::optional<std::string>>> && readable<unsigned char>);
static_assert(!readable<Unknown> && !readable<std::vector<Unknown>> && !readable<const char*>);
static_assert(rest_is_last<>() && rest_is_last<int, Rest, sio::Ack>());
static_assert(!rest_is_last<Rest, int>() && !rest_is_last<Rest, Rest>());

}  // namespace check

std::string refusal(const std::function<void()>& call) {
    try {
        call();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "accepted";
}

TEST(SocketIoSetup, OptionsAtFault) {
    const struct {
        const char* says;
        sio::Options options;
    } cases[] = {
        {"path must begin with / and not end with it: ''", {.path = ""}},
        {"path must begin with / and not end with it: 'chat'", {.path = "chat"}},
        {"path must begin with / and not end with it: '/chat/'", {.path = "/chat/"}},
        {"client_dir is no folder: '/nowhere'", {.client_dir = "/nowhere"}},
        {"transports must name one at least", {.transports = {}}},
        {"ping_interval must be above 0", {.ping_interval = 0ms}},
        {"ping_timeout must be above 0", {.ping_timeout = -1ms}},
        {"upgrade_timeout must be above 0", {.upgrade_timeout = 0ms}},
        {"max_http_buffer_size must be above 0", {.max_http_buffer_size = 0}},
        {"send_queue_bytes_max must be above 0", {.send_queue_bytes_max = 0}},
        {"connect_timeout must be above 0", {.connect_timeout = 0ms}},
        {"ping_interval must be at most 6 days", {.ping_interval = 7 * 24h}},
        {"ping_timeout must be at most 6 days", {.ping_timeout = 7 * 24h}},
        {"upgrade_timeout must be at most 6 days", {.upgrade_timeout = 7 * 24h}},
        {"connect_timeout must be at most 6 days", {.connect_timeout = 7 * 24h}},
        {"max_disconnection_duration must be above 0",
         {.connection_state_recovery = sio::Recovery{.max_disconnection_duration = 0ms}}},
        {"namespaces_max must be above 0", {.namespaces_max = 0}},
        {"ack_timeout must be above 0", {.ack_timeout = 0ms}},
        {"auth has no keys and no user_header: nobody gets in", {.auth = auth::Options{}}},
    };
    for (const auto& each : cases) {
        Server server;
        EXPECT_EQ(refusal([&] { server.socketio(each.options); }),
                  std::string("socket.io: ") + each.says);
    }
    Server server;
    server.socketio();
    server.socketio({.path = "/other",
                     .ping_interval = 6 * 24h,
                     .ping_timeout = 6 * 24h,
                     .upgrade_timeout = 6 * 24h,
                     .connect_timeout = 6 * 24h});
    EXPECT_NE(refusal([&] { server.socketio(); }).find("exists already"), std::string::npos);
}

TEST(SocketIoSetup, HandlersThatNothingCouldReach) {
    Server server;
    auto& io = server.socketio();
    io.on("connection", [](sio::Socket) {});
    io.on("disconnect", [](sio::Socket, std::string_view) {});
    for (const char* name : {"connection", "connect", "disconnect", "disconnecting"})
        EXPECT_NE(refusal([&] { io.on(name, [](int) {}); }).find("clients do not send"),
                  std::string::npos)
            << name;
}

TEST(SocketIoSetup, NothingIsSetOnceTheServerRuns) {
    Server server({.listen = "127.0.0.1:0", .workers = 1});
    auto& io = server.socketio();
    auto& admin = io.of("/admin");
    server.start();
    const std::function<void()> late[] = {
        [&] { io.on("event", [] {}); },
        [&] { io.on_connection([](sio::Socket) {}); },
        [&] { io.on_disconnect([](sio::Socket, std::string_view) {}); },
        [&] { io.on_server_side("event", [] {}); },
        [&] { io.use([](sio::Socket) -> std::optional<sio::Error> { return std::nullopt; }); },
        [&] { io.use([](sio::Socket, sio::Next next) { next(); }); },
        [&] { io.on_join_room([](std::string_view, std::string_view) {}); },
        [&] { io.of("/late"); },
        [&] { io.of_pattern("/late-.*"); },
        [&] { io.of_matching([](std::string_view, const sio::Json&) { return true; }); },
        [&] { io.on_new_namespace([](std::string_view) {}); },
        [&] { io.on_connection_error([](const sio::Server::ConnectionError&) {}); },
    };
    for (const auto& call : late)
        EXPECT_EQ(
            refusal(call),
            "socket.io: namespaces, handlers and middleware are set before the server starts");
    EXPECT_EQ(&io.of("/admin"), &admin);  // Namespaces made before are still found.
}

class SocketIoStats : public EngineTest {};

TEST_F(SocketIoStats, CountSessionsOverBothTransports) {
    start();
    Client polling(t->port(0));
    const std::string sid = open(polling);
    EXPECT_EQ(engine->sessions(), 1u);
    {
        WsClient socket(t->port(0), "/socket.io/?EIO=4&transport=websocket");
        EXPECT_TRUE(socket.next().starts_with("text(0{"));
        EXPECT_EQ(engine->sessions(), 2u);
        EXPECT_EQ(engine->sessions_opened(), 2u);
        socket.close();
        EXPECT_TRUE(closed_with("transport close"));
    }
    polling.send(post_request(sid, "1"));
    EXPECT_EQ(polling.answer().body, "ok");
    EXPECT_EQ(polling.get("/socket.io/?EIO=9&transport=polling").status, 400);
    EXPECT_EQ(engine->sessions(), 0u);
    EXPECT_EQ(engine->sessions_opened(), 2u);
}

}  // namespace
}  // namespace starling::server::test
