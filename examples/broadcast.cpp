// A clock for everyone: the time goes out once a second, and what any client sends goes to all.
// Usage: broadcast [PORT], on 127.0.0.1, 9002 where none is given.
#include <starling/server.h>

#include <chrono>
#include <ctime>
#include <string>

using namespace std::chrono_literals;
namespace ws = starling::ws;

std::string time_of_day() {
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
            .on_full = ws::OnFull::drop,  // A slow client misses a second and keeps its connection.
            .open = [](ws::Socket socket) { socket.join("all"); },
            .message = [&server](ws::Socket,
                                 ws::Message message) { server.publish("all", message); },
        });
    server.every(1s, [&server] { server.publish("all", time_of_day()); });

    return server.run();
}
