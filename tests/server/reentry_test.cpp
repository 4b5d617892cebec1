// Calls every method of a WebSocket handle, a Reply, channels and Socket.IO in every handler of a
// route. Each turn of the loop must end, and other connections must go on.
#include <gtest/gtest.h>
#include <starling/socketio.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/fake/watchdog.h"
#include "tests/server/fixture.h"
#include "tests/server/ws_client.h"

namespace starling::server::test {
namespace {

using ws::Opcode;
using ws::Socket;

struct NamedMethod {
    const char* name;
    std::function<void(Socket)> call;
};

struct Parts {
    events::Channels& channels;
    sio::Server& io;
    Server& server;
};

std::vector<NamedMethod> methods(Parts parts) {
    return {
        {"send", [](Socket s) { s.send("x"); }},
        {"send much", [](Socket s) { s.send(std::string(300'000, 'x')); }},
        {"ping", [](Socket s) { s.ping(); }},
        {"close", [](Socket s) { s.close(); }},
        {"close with a code", [](Socket s) { s.close(4000, "enough"); }},
        {"terminate", [](Socket s) { s.terminate(); }},
        {"join", [](Socket s) { s.join("other"); }},
        {"leave", [](Socket s) { s.leave("all"); }},
        {"publish", [](Socket s) { s.publish("all", "x"); }},
        {"publish much", [](Socket s) { s.publish("all", std::string(300'000, 'x')); }},
        {"emplace_data",
         [](Socket s) {
             if (s.is_open()) s.emplace_data<int>(1);
         }},
        {"tells",
         [](Socket s) {
             static_cast<void>(s.remote_address() + std::string(s.subprotocol()));
             static_cast<void>(s.round_trip_time() || s.compresses() || s.buffered_amount());
         }},
        {"throws", [](Socket) { throw std::runtime_error("thrown"); }},
        {"server.publish", [=](Socket) { parts.server.publish("all", "x"); }},
        {"server.after", [=](Socket s) { parts.server.after(0ms, [s] { s.close(); }); }},
        {"channels.publish", [=](Socket) { parts.channels.publish("news", "x"); }},
        {"io.emit", [=](Socket) { parts.io.emit("x"); }},
        {"io.disconnect_sockets", [=](Socket) { parts.io.disconnect_sockets(true); }},
    };
}

const char* const handlers[] = {"open", "message", "drain", "ping", "pong", "dropped", "close"};

ws::Route route_of(const std::string& handler, const std::function<void(Socket)>& call) {
    ws::Route route;
    route.send_queue_bytes_max = 100'000;
    route.on_full = ws::OnFull::drop;
    route.open = [=](Socket socket) {
        socket.join("all");
        if (handler == "open") call(socket);
    };
    route.message = [=](Socket socket, ws::Message) {
        if (handler == "message") return call(socket);
        for (int i = 0; i < 3; ++i) socket.send(std::string(4'000'000, 'x'));
    };
    if (handler == "drain") route.drain = call;
    if (handler == "dropped") route.dropped = [=](Socket socket, uint64_t) { call(socket); };
    if (handler == "ping") route.ping = [=](Socket socket, std::string_view) { call(socket); };
    if (handler == "pong") route.pong = [=](Socket socket, std::string_view) { call(socket); };
    if (handler == "close")
        route.close = [=](Socket socket, uint16_t, std::string_view) { call(socket); };
    return route;
}

// Makes every handler of the route run if the connection lasts that long.
void visit(uint16_t port, const std::string& path) {
    WsClient client(port, path);
    client.send(masked_frame(Opcode::ping, "p") + masked_frame(Opcode::pong, "q"));
    client.send(masked_frame(Opcode::text, "go") +
                masked_frame(Opcode::close, close_payload(1000)));
    static_cast<void>(client.read_to_end());
}

TEST(Reentry, EveryMethodFromEveryHandlerOfARoute) {
    fake::Watchdog watchdog(20s);
    watchdog.begin("start");
    TestServer t;
    auto& channels = t.server.events();
    channels.declare({.pattern = "news"});
    const Parts parts{channels, t.server.socketio(), t.server};
    std::vector<std::string> paths;
    for (const std::string handler : handlers) {
        size_t number = 0;
        for (const auto& method : methods(parts)) {
            paths.push_back("/" + handler + "/" + std::to_string(number++));
            t.server.websocket(paths.back(), route_of(handler, method.call));
        }
    }
    t.server.websocket("/echo", {.message = [](Socket s, ws::Message m) { s.send(m); }});
    t.start();
    t.server.every(1ms, [&] { watchdog.turn(); });
    WsClient other(t.port(), "/echo");
    for (const auto& path : paths) {
        SCOPED_TRACE(path);
        watchdog.begin(path);
        visit(t.port(), path);
        other.send_text(path);
        EXPECT_EQ(other.next(), "text(" + path + ")");
    }
    other.close();
    EXPECT_TRUE(t.all_gone());
}

TEST(Reentry, EveryMethodOfAReplyFromItsHandler) {
    fake::Watchdog watchdog(20s);
    watchdog.begin("reply");
    TestServer t;
    const std::function<void(const http::Reply&)> methods[] = {
        [](const http::Reply& reply) { reply.send(std::move(http::Response().text("x"))); },
        [](const http::Reply& reply) { static_cast<void>(reply.write("x")), reply.end(); },
        [](const http::Reply& reply) { reply.end(), reply.end(); },
        [](const http::Reply& reply) { static_cast<void>(reply.closed()), reply.end(); },
    };
    for (size_t i = 0; i < std::size(methods); ++i)
        t.server.get("/" + std::to_string(i),
                     [call = methods[i]](const http::Request&, http::Response& response) {
                         call(response.later());
                     });
    t.start();
    t.server.every(1ms, [&] { watchdog.turn(); });
    Client client(t.port());
    for (size_t i = 0; i < std::size(methods); ++i)
        EXPECT_EQ(client.get("/" + std::to_string(i)).status, 200) << i;
}

}  // namespace
}  // namespace starling::server::test
