// A Socket.IO client that listens to every event that a client knows, and to those of
// examples/socketio_chat. Usage: socketio_client [URL]; the default is http://localhost:3001. It ends
// after the answer to its own messages.
#include <starling/socketio_client.h>

#include <boost/json.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
namespace sio = starling::sio;

int main(int count, char** arguments) {
    const std::string url = count > 1 ? arguments[1] : "http://localhost:3001";
    starling::ClientLoop loop;
    auto socket =
        sio::connect(loop, url, {.reconnection_attempts = 2, .reconnection_delay = 100ms});
    const auto say = [](std::string_view text) { std::cout << text << std::endl; };
    int status = 1;

    socket.on("connecting", [&] { say("connecting"); });
    socket.on("connect", [&] {
        say("connected");
        socket.emit("private message", "oaoafly", "windiest", sio::Json{{"msg", "hello"}});
        socket.emit("my other event", sio::Json{{"my", "data"}});
        socket.emit("sendMessageToServer", sio::Json{{"text", "to all"}});
        socket.timeout(5s).emit_with_ack("echo", "one of many", [&](const sio::Answer& answer) {
            std::cout << "echo: " << answer.value() << std::endl;
            // Every socket of this server is in the room of its id.
            socket.emit("sendPrivate", sio::Json{{"toId", socket.id()}, {"text", "to me"}});
        });
    });
    socket.on("news", [](const sio::Json& data) { std::cout << "news: " << data << std::endl; });
    socket.on("pub", [](const sio::Json& data) { std::cout << "pub: " << data << std::endl; });
    socket.on("getServerMessage", [](int n) { std::cout << "number: " << n << std::endl; });
    socket.on("sendMessageToAllClient",
              [](const sio::Json& data) { std::cout << "to all: " << data << std::endl; });
    socket.on("getMessage", [&](const sio::Json& data) {
        std::cout << "to me: " << data << std::endl;
        status = 0;
        socket.disconnect();
    });
    socket.on("message", [](std::string text) { std::cout << "message: " << text << std::endl; });
    socket.on("anything", [&] { say("anything"); });
    socket.on("disconnect", [&](std::string reason) { say("disconnected: " + reason); });
    socket.on("connect_failed", [&] { say("cannot connect"); });
    socket.on("error",
              [](const sio::Json& error) { std::cout << "error: " << error << std::endl; });
    socket.on("reconnecting", [](int n) { std::cout << "attempt " << n << std::endl; });
    socket.on("reconnect", [&] { say("connected again"); });
    socket.on("reconnect_failed", [&] { say("gave up"); });
    loop.run();
    return status;
}
