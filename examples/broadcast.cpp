// A shared clock: the server sends the time once a second, and sends each message of a client to
// all clients. Usage: broadcast [PORT], on 127.0.0.1; the default port is 9002.
#include <starling/server.h>

#include <chrono>
#include <ctime>
#include <string>

using namespace std::chrono_literals;
namespace ws = starling::ws;

static std::string time_of_day() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    localtime_r(&now, &parts);
    char text[16];
    return {text, std::strftime(text, sizeof text, "%H:%M:%S", &parts)};
}

int main(int count, char** arguments) {
    const std::string port = count > 1 ? arguments[1] : "9002";
    starling::Server server({.listen = "127.0.0.1:" + port});

    server.websocket(
        "/",
        {
            .on_full = ws::OnFull::drop,  // A slow client misses messages, but stays.
            .open = [](ws::Socket socket) { socket.join("all"); },
            .message = [&server](ws::Socket,
                                 ws::Message message) { server.publish("all", message); },
        });
    server.every(1s, [&server] { server.publish("all", time_of_day()); });

    return server.run();
}
