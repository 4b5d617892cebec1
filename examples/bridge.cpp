// A bridge: mirrors the server events of another server to the WebSockets of this one, and to those that
// join later the newest event first. The connection to the other server runs on the loop of a worker.
// Usage: bridge URL [PORT]; URL: a WebSocket of the other server. This one serves /mirror, port 8090.
#include <starling/client_reconnect.h>
#include <starling/server.h>

#include <iostream>
#include <memory>
#include <string>

namespace ws = starling::ws;

int main(int count, char** arguments) {
    if (count < 2) {
        std::cerr << "usage: bridge URL [PORT]\n";
        return 2;
    }
    const std::string url = arguments[1], port = count > 2 ? arguments[2] : "8090";
    // One worker: its thread is the only one that uses the variables below.
    std::unique_ptr<starling::ReconnectingWebSocket> source;
    std::string newest;
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = 1});

    server.websocket("/mirror", {.origins = {"*"},
                                 .open =
                                     [&](ws::Socket socket) {
                                         socket.join("mirror");
                                         if (!newest.empty()) socket.send(newest);
                                     },
                                 .message =
                                     [&](ws::Socket socket, ws::Message message) {
                                         // The other way: what a client says goes to the source.
                                         if (!source->send(message)) socket.send("not connected");
                                     }});
    server.after(std::chrono::milliseconds(0), [&] {
        source = std::make_unique<starling::ReconnectingWebSocket>(server.client_loop(), url);
        source->onmessage = [&](const starling::MessageEvent& event) {
            newest = event.text();
            server.publish("mirror", event.data());
        };
        source->onlost = [](const starling::LostEvent& event) {
            std::cerr << "the source is lost: " << event.code << ' ' << event.message << '\n';
        };
        // For good: a bridge without its source is of no use.
        source->onclose = [&] { server.stop(); };
    });
    return server.run();
}
