// bench/starling_echo.cpp: this library; returns each message. `starling_echo PORT [WORKERS]`. For
// bench/run.py idle, GET /heap answers with the bytes that the allocator has given out.
#include <malloc.h>
#include <starling/server.h>

#include <cstdlib>
#include <string>

namespace http = starling::http;
namespace ws = starling::ws;

int main(int argc, char** argv) {
    const std::string port = argc > 1 ? argv[1] : "9001";
    const auto workers = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 1);
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = workers});
    server.websocket("/", {.message = [](ws::Socket socket, ws::Message message) {
                         static_cast<void>(socket.send(message));
                     }});
    server.get("/heap", [](const http::Request&, http::Response& response) {
        const auto info = mallinfo2();  // In arenas, and in separate mappings.
        response.text(std::to_string(info.uordblks + info.hblkhd) + "\n");
    });
    return server.run();
}
