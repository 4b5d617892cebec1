// One application for two kinds of clients. What a Socket.IO client emits as "say", and what a
// WebSocket client at /feed sends, goes to all clients of both kinds. Usage: socketio_and_websocket
// [PORT], on 127.0.0.1; the default port is 9003.
#include <starling/server.h>
#include <starling/socketio.h>

#include <chrono>
#include <iostream>
#include <string>
#include <string_view>

namespace ws = starling::ws;

int main(int count, char** arguments) {
    const std::string port = count > 1 ? arguments[1] : "9003";
    starling::Server server({.listen = "127.0.0.1:" + port});
    auto& io = server.socketio();

    // publish() and emit() work on any thread.
    const auto say = [&server, &io](std::string_view text) {
        server.publish("feed", text);
        io.emit("said", text);
    };
    io.on("say", [say](std::string_view text) { say(text); });
    server.websocket("/feed", {
                                  .open = [](ws::Socket socket) { socket.join("feed"); },
                                  .message =
                                      [say](ws::Socket, ws::Message message) {
                                          if (!message.is_binary()) say(message.text());
                                      },
                              });

    server.after(std::chrono::seconds(0), [&server] {
        std::cout << "listening on http://127.0.0.1:" << server.port() << std::endl;
    });
    return server.run();
}
