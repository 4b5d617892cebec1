// bench/websocket_client.cpp: the client side of an echo, by starling::WebSocket: each connection keeps
// a number of messages in flight. Prints messages per second and the client's CPU time for each; `load
// echo` prints the same of a client on bare epoll.
//
//   websocket_client PORT [CONNECTIONS 50] [IN_FLIGHT 1] [PAYLOAD_BYTES 64] [SECONDS 2]
#include <starling/client.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int count, char** arguments) {
    const auto number = [&](int at, int otherwise) {
        return count > at ? std::atoi(arguments[at]) : otherwise;
    };
    const int connections = number(2, 50), in_flight = number(3, 1), seconds = number(5, 2);
    const std::string url = "ws://127.0.0.1:" + std::to_string(number(1, 9001)) + "/";
    const std::string payload(static_cast<size_t>(number(4, 64)), 'x');

    starling::ClientLoop loop;
    std::vector<std::unique_ptr<starling::WebSocket>> sockets;
    uint64_t messages = 0, measured = 0;
    double cpu = 0;
    int status = 0;
    for (int i = 0; i < connections; ++i) {
        auto& socket = *sockets.emplace_back(std::make_unique<starling::WebSocket>(loop, url));
        socket.onopen = [&] {
            for (int n = 0; n < in_flight; ++n) socket.send(payload);
        };
        socket.onmessage = [&] {
            ++messages;
            socket.send(payload);
        };
        socket.onerror = [&](const starling::ErrorEvent& event) {
            std::fprintf(stderr, "%.*s\n", int(event.message.size()), event.message.data());
            status = 1;
            loop.stop();
        };
    }
    loop.after(std::chrono::milliseconds(500), [&] {  // The warm-up is over.
        measured = messages;
        cpu = cpu_seconds();
    });
    loop.after(std::chrono::milliseconds(500 + 1000 * seconds), [&] {
        cpu = cpu_seconds() - cpu;
        measured = messages - measured;
        loop.stop();
    });
    loop.run();
    std::printf("%.0f messages/s, client CPU %.2f us per message\n",
                static_cast<double>(measured) / seconds,
                measured ? cpu * 1e6 / static_cast<double>(measured) : 0.0);
    return status;
}
