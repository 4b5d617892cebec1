// bench/starling_broadcast.cpp: this library; sends each message from /publish to every client at
// /subscribe, and returns each message at /echo. At /publish-each the program itself sends to each client of this
// worker, without a topic. `starling_broadcast PORT [WORKERS [COMPRESSION]]`.
#include <starling/server.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "compression.h"

namespace ws = starling::ws;

int main(int argc, char** argv) {
    const std::string port = argc > 1 ? argv[1] : "9001";
    const auto workers = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 1);
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = workers});
    const ws::Compression compression = starling::bench::compression(argc > 3 ? argv[3] : "off");
    static thread_local std::vector<ws::Socket> sockets;
    server.websocket("/subscribe", {.compression = compression, .open = [](ws::Socket socket) {
                                        socket.join("all");
                                        sockets.push_back(socket);
                                    }});
    server.websocket("/publish-each", {.message = [](ws::Socket, ws::Message message) {
                         for (const ws::Socket& socket : sockets)
                             static_cast<void>(socket.send(message));
                     }});
    server.websocket("/publish", {.compression = compression,
                                  .message = [](ws::Socket socket, ws::Message message) {
                                      socket.publish("all", message);
                                  }});
    server.websocket("/echo", {.message = [](ws::Socket socket, ws::Message message) {
                         static_cast<void>(socket.send(message));
                     }});
    return server.run();
}
