// bench/starling_broadcast.cpp: this library; sends each message from /publish to every client at
// /subscribe. `starling_broadcast PORT [WORKERS [COMPRESSION]]`.
#include <starling/server.h>

#include <cstdlib>
#include <string>

#include "compression.h"

namespace ws = starling::ws;

int main(int argc, char** argv) {
    const std::string port = argc > 1 ? argv[1] : "9001";
    const auto workers = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 1);
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = workers});
    const ws::Compression compression = starling::bench::compression(argc > 3 ? argv[3] : "off");
    server.websocket("/subscribe", {.compression = compression,
                                    .open = [](ws::Socket socket) { socket.join("all"); }});
    server.websocket("/publish", {.compression = compression,
                                  .message = [](ws::Socket socket, ws::Message message) {
                                      socket.publish("all", message);
                                  }});
    return server.run();
}
