// bench/starling_socketio.cpp: the Socket.IO of this library: acks `echo` with its argument, and
// emits `pub` to every client. `starling_socketio PORT [WORKERS]`. GET /heap answers with the bytes
// that the allocator has given out.
#include <malloc.h>
#include <starling/server.h>
#include <starling/socketio.h>

#include <cstdlib>
#include <string>

namespace http = starling::http;
namespace sio = starling::sio;

int main(int argc, char** argv) {
    const std::string port = argc > 1 ? argv[1] : "9001";
    const auto workers = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 1);
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = workers});
    auto& io = server.socketio();
    io.on_connection([&io](sio::Socket socket) {
        socket.on("echo", [](std::string text) { return text; });
        socket.on("pub", [&io](const sio::Json& value) { io.emit("pub", value); });
    });
    server.get("/heap", [](const http::Request&, http::Response& response) {
        const auto info = mallinfo2();  // In arenas, and in separate mappings.
        response.text(std::to_string(info.uordblks + info.hblkhd) + "\n");
    });
    return server.run();
}
