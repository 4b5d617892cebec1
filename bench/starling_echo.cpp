// bench/starling_echo.cpp: this library; returns each message. `starling_echo PORT [WORKERS
// [COMPRESSION [MESSAGE_BYTES_MAX]]]`. For bench/run.py idle, GET /heap answers with the bytes that
// the allocator has given out.
#include <malloc.h>
#include <starling/server.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "compression.h"

namespace http = starling::http;
namespace ws = starling::ws;

int main(int argc, char** argv) {
    const std::string port = argc > 1 ? argv[1] : "9001";
    const auto workers = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 1);
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = workers});
    ws::Route route{.compression = starling::bench::compression(argc > 3 ? argv[3] : "off"),
                    .message = [](ws::Socket socket, ws::Message message) {
                        static_cast<void>(socket.send(message));
                    }};
    if (argc > 4) {
        route.message_bytes_max = std::strtoull(argv[4], nullptr, 10);
        route.send_queue_bytes_max = 4 * route.message_bytes_max;
    }
    server.websocket("/", std::move(route));
    server.get("/heap", [](const http::Request&, http::Response& response) {
        const auto info = mallinfo2();  // In arenas, and in separate mappings.
        response.text(std::to_string(info.uordblks + info.hblkhd) + "\n");
    });
    return server.run();
}
