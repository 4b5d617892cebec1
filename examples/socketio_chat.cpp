// A Socket.IO server for clients of all versions: news, public and private messages, and a number
// each second. Usage: socketio_chat [PORT], on 127.0.0.1; the default port is 3001. It serves the
// browser bundles at /socket.io/socket.io.js (4.x), /socket.io/2/socket.io.js and
// /socket.io/1.4.4/socket.io.js.
#include <starling/server.h>
#include <starling/socketio.h>

#include <boost/json.hpp>

#include <chrono>
#include <iostream>
#include <random>
#include <string>
#include <string_view>

using namespace std::chrono_literals;
namespace http = starling::http;
namespace sio = starling::sio;

// The string member `name` of a message; "" if there is none.
static std::string text_of(const sio::Json& message, std::string_view name) {
    const auto* object = message.if_object();
    const auto* value = object ? object->if_contains(name) : nullptr;
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

// Lets a page of any site poll. Clients before 3.0 send cookies, so browsers demand the exact
// origin of the page. Do this only if cookies mean nothing, as here.
static void allow_page(const http::Request& request, http::Response& response) {
    if (!request.has_header("origin")) return;
    response.header("Access-Control-Allow-Origin", request.header("origin"))
        .header("Access-Control-Allow-Credentials", "true")
        .header("Vary", "Origin");
}

static void on_connection(sio::Server& io, sio::Socket socket) {
    socket.emit("news", {{"hello", "world"}});
    io.emit("pub", {{"will", "be received by everyone"}});

    socket.on("my other event", [](const sio::Json& data) { std::cout << data << std::endl; });
    socket.on("private message", [](std::string from, std::string to, const sio::Json& message) {
        std::cout << to << " received a private message by " << from << " saying "
                  << text_of(message, "msg") << std::endl;
    });
    socket.on("sendPrivate", [&io](const sio::Json& message) {
        const std::string id = text_of(message, "toId");
        // Every socket is in the room of its id.
        if (!id.empty()) io.to(id).emit("getMessage", message);
    });
    socket.on("sendMessageToServer",
              [&io](const sio::Json& message) { io.emit("sendMessageToAllClient", message); });
    socket.on("pub", [&io](const sio::Json& message) { io.emit("pub", message); });
    socket.on("echo",
              [](const sio::Json& value) { return value; });  // The return value is the ack.
}

int main(int count, char** arguments) {
    const std::string port = count > 1 ? arguments[1] : "3001";
    starling::Server server({.listen = "127.0.0.1:" + port});

    auto& io = server.socketio({.allow_eio3 = true, .origins = {"*"}, .headers = allow_page});
    io.on_connection([&io](sio::Socket socket) { on_connection(io, socket); });

    // Timers run on one thread, so the generator needs no lock.
    server.every(1s, [&io, numbers = std::minstd_rand(std::random_device()())]() mutable {
        io.emit("getServerMessage", std::uniform_int_distribution<int>(0, 99)(numbers));
    });
    server.after(0s, [&server] {
        std::cout << "listening on http://127.0.0.1:" << server.port() << std::endl;
    });
    return server.run();
}
