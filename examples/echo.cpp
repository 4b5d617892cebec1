// Sends every message back unchanged. Usage: echo [PORT], on 127.0.0.1; the default port is 9001.
#include <starling/server.h>

#include <cstdlib>
#include <string>

namespace ws = starling::ws;

int main(int count, char** arguments) {
    const std::string port = count > 1 ? arguments[1] : "9001";
    starling::Server server({.listen = "127.0.0.1:" + port});

    server.websocket(
        "/", {
                 .message = [](ws::Socket socket, ws::Message message) { socket.send(message); },
             });

    return server.run();  // On SIGTERM: stops accepting, closes with 1001, drains, returns.
}
