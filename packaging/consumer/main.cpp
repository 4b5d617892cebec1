// Starts a server on a free port, prints its address, and stops it.
#include <starling/server.h>

#include <cstdio>

int main() {
    starling::Server server({.listen = "127.0.0.1:0", .workers = 1});
    server.get("/hello", [](const starling::http::Request&, starling::http::Response& response) {
        response.text("hello");
    });
    server.websocket("/echo",
                     {.message = [](starling::ws::Socket socket, starling::ws::Message message) {
                         socket.send(message);
                     }});
    server.start();
    std::printf("starling %s on port %u\n", std::string(starling::version()).c_str(),
                server.port());
    const bool listens = server.port() != 0;
    server.stop();
    server.wait();
    return listens ? 0 : 1;
}
