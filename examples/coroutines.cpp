// Handlers that wait are coroutines. Usage: coroutines [PORT]; the default port is 3000.
//
//     curl http://127.0.0.1:3000/slow                  answers after a second
//     npx wscat -c ws://127.0.0.1:3000/countdown       counts down, unless you leave
//     socket.emit("order", "tea", console.log)         asks back before it acknowledges
#include <starling/socketio.h>

#include <starling/server.h>

#include <chrono>
#include <string>

using namespace std::chrono_literals;
namespace http = starling::http;
namespace sio = starling::sio;
namespace ws = starling::ws;
using starling::Task;

int main(int count, char** arguments) {
    const std::string port = count > 1 ? arguments[1] : "3000";
    starling::Server server({.listen = "127.0.0.1:" + port});

    server.get("/slow", [&](const http::Request&, http::Response& response) -> Task<> {
        co_await server.sleep(1s);
        response.text("after a second\n");
    });

    // When a client leaves, its coroutine ends where it waits.
    server.websocket("/countdown", {.open = [&](ws::Socket socket) -> Task<> {
                         for (int left = 10; left > 0; --left) {
                             socket.send(std::to_string(left));
                             co_await server.sleep(1s);
                         }
                         socket.close(1000, "lift-off");
                     }});

    server.socketio().on("order", [](sio::Socket socket, std::string item) -> Task<std::string> {
        const sio::Answer sure = co_await socket.timeout(20s).emit_with_ack("sure?", item);
        co_return sure ? "ordered: " + item : "no answer";
    });
    return server.run();
}
