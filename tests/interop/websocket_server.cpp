// The WebSocket test server of pause.test.mjs: a socket that stops reading, as one that waits for a database does.
// It uses only the library's public API.
//
//   websocket_test_server PORT       listens on 127.0.0.1
//
// WebSocket /pause      "pause" pauses the socket behind the answer "paused"; any other message is answered by
//                       "got N", its size in bytes.
// GET /resume           resumes every socket.
// GET /close            closes every socket with 4000 "enough".
// GET /received         how many messages the handler got so far, "pause" included.
#include <starling/server.h>
#include <starling/websocket.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace http = starling::http;
namespace ws = starling::ws;

namespace {

// One worker: everything here belongs to its thread.
struct State {
    std::vector<ws::Socket> sockets;
    size_t received = 0;
};

ws::Route route(State& state) {
    ws::Route route;
    route.message_bytes_max = 1 << 20;
    route.compression.enabled = true;
    // Shorter than any pause of the tests: a paused socket is not taken for dead.
    route.ping_interval = route.ping_timeout = std::chrono::milliseconds(100);
    route.open = [&state](ws::Socket socket) { state.sockets.push_back(socket); };
    route.message = [&state](ws::Socket socket, ws::Message message) {
        ++state.received;
        if (message.text() != "pause")
            return void(socket.send("got " + std::to_string(message.size())));
        socket.send("paused");
        socket.pause();
    };
    route.close = [&state](ws::Socket socket, uint16_t, std::string_view) {
        std::erase(state.sockets, socket);
    };
    return route;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::fputs("usage: websocket_test_server PORT\n", stderr);
        return 2;
    }
    State state;
    starling::Server server({.listen = {"127.0.0.1:" + std::string(arguments[1])}, .workers = 1});
    server.websocket("/pause", route(state));
    server.get("/resume", [&](const http::Request&, http::Response& response) {
        for (const ws::Socket& socket : state.sockets) socket.resume();
        response.text("resumed");
    });
    server.get("/close", [&](const http::Request&, http::Response& response) {
        for (const ws::Socket& socket : state.sockets) socket.close(4000, "enough");
        response.text("closing");
    });
    server.get("/received", [&](const http::Request&, http::Response& response) {
        response.text(std::to_string(state.received));
    });
    return server.run();
}
