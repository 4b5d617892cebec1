// tests/client/socketio_site.h: a Socket.IO server of this library for tests of the client.
#pragma once

#include <starling/socketio_client.h>

#include <boost/json/serialize.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/server/fixture.h"

namespace starling::client::test {

using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

inline std::string shown(std::span<const sio::Json> args) {
    std::string text;
    for (const sio::Json& arg : args) text += " " + boost::json::serialize(arg);
    return text;
}

// Answers "sum", keeps "never" without an answer, says "news" on "tell", and asks for a token in /admin.
struct Site {
    Site() {
        auto& io = host.server.socketio();
        io.on("sum", [](int a, int b) { return a + b; });
        io.on("never", [](sio::Ack) {});
        io.on("tell", [](sio::Socket socket) { socket.emit("news", "a", 2); });
        io.on("ask", [](sio::Socket socket) {
            socket.emit_with_ack("question", 6, [socket](const sio::Answer& answer) {
                socket.emit("you said", answer.value());
            });
        });
        io.on("all", [](sio::Socket socket, std::span<const sio::Json> args) {
            socket.emit("were", shown(args));
        });
        io.of("/admin").use([](sio::Socket socket, sio::Next next) {
            const sio::Json auth = socket.handshake().auth;
            const auto* token = auth.is_object() ? auth.get_object().if_contains("token") : nullptr;
            token ? next() : next(sio::Error{"no token"});
        });
        io.of("/admin").on("token", [](sio::Socket socket) {
            return sio::detail::own(socket.handshake().auth.at("token"));
        });
        host.start();
    }
    [[nodiscard]] std::string url(std::string_view nsp = "") const {
        return "http://127.0.0.1:" + std::to_string(host.port()) + std::string(nsp);
    }
    server::test::TestServer host;
};

}  // namespace starling::client::test
