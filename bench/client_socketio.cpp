// bench/client_socketio.cpp: the client side of "emit with ack", by sio::connect(): each connection
// emits `echo` with a text of 64 bytes IN_FLIGHT times, and one more when an ack is there. Prints a line
// of JSON with the events per second and the client's CPU time for each. client_socketio.mjs does the
// same with Node's client.
//
//     client_socketio PORT [CONNECTIONS 50] [SECONDS 2] [IN_FLIGHT 1] [WARM_UP_SECONDS 0.5]
#include <starling/socketio_client.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace {

namespace sio = starling::sio;

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
    const auto number = [&](int at, double otherwise) {
        return count > at ? std::atof(arguments[at]) : otherwise;
    };
    const std::string url = "http://127.0.0.1:" + std::to_string(int(number(1, 9004)));
    const std::string text(64, 'x');
    const double seconds = number(3, 2), warm_up = number(5, 0.5);
    const int in_flight = int(number(4, 1));
    const auto ms = [](double s) { return std::chrono::milliseconds(int(1000 * s)); };

    starling::ClientLoop loop;
    std::vector<sio::ClientSocket> sockets;
    uint64_t events = 0, measured = 0;
    double cpu = 0;
    int status = 0;
    std::function<void(size_t)> emit = [&](size_t i) {
        sockets[i].emit_with_ack("echo", text, [&, i](const sio::Answer& answer) {
            if (!answer) return;  // The end.
            ++events;
            emit(i);
        });
    };
    for (int i = 0; i < int(number(2, 50)); ++i) {
        const auto& socket = sockets.emplace_back(
            sio::connect(loop, url, {.force_new = true, .transports = {"websocket"}}));
        socket.on("connect", [&, i] {
            for (int k = 0; k < in_flight; ++k) emit(size_t(i));
        });
        socket.on("connect_error", [&](const sio::Json& error) {
            std::fprintf(stderr, "%s\n", error.at("message").as_string().c_str());
            status = 1;
            loop.stop();
        });
    }
    loop.after(ms(warm_up), [&] {
        measured = events;
        cpu = cpu_seconds();
    });
    loop.after(ms(warm_up + seconds), [&] {
        cpu = cpu_seconds() - cpu;
        measured = events - measured;
        loop.stop();
    });
    loop.run();
    const double each = measured ? cpu * 1e6 / static_cast<double>(measured) : 0;
    std::printf("{\"per_second\": %.0f, \"client_us\": %.3f, \"client_busy\": %.3f}\n",
                static_cast<double>(measured) / seconds, each, cpu / seconds);
    return status;
}
