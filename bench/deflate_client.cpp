// bench/deflate_client.cpp: the client of bench/deflate.py. Each connection has one message of JSON on its
// way, the next one of a list each time, and the server returns it.
//
//   deflate_client PORT BYTES off|single|takeover|takeover12 CONNECTIONS SECONDS
//
// It prints "begin" after a second, if each connection had its messages then, and "end COUNT" SECONDS later:
// the messages between these lines.
#include <starling/client.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "compression.h"
#include "json_messages.h"

namespace {

constexpr uint64_t warmup_messages = 16;  // Of each connection: they fill a window of 32 KiB.
constexpr auto warmup = std::chrono::milliseconds(1000);

struct Bench {
    std::vector<std::string> messages;
    uint64_t connections;
    std::chrono::milliseconds measured;
    starling::ClientLoop loop = {};
    uint64_t next = 0, done = 0, done_before = 0;
    bool warm = false, began = false;
    int status = 0;

    void fail(std::string_view why) {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(why.size()), why.data());
        status = 1;
        loop.stop();
    }
    void count() {
        ++done;
        if (began || !warm || done < connections * warmup_messages) return;
        began = true;
        done_before = done;
        say("begin\n");
        loop.after(measured, [this] {
            say("end " + std::to_string(done - done_before) + "\n");
            loop.stop();
        });
    }
    static void say(const std::string& line) {
        std::fputs(line.c_str(), stdout);
        std::fflush(stdout);
    }
};

class Client {
public:
    Client(Bench& bench, const std::string& url, const starling::WebSocketOptions& options)
        : bench_(bench), socket_(bench.loop, url, options) {
        socket_.onopen = [this] { send(); };
        socket_.onmessage = [this](const starling::MessageEvent& event) {
            if (event.data().size() != bench_.messages.front().size())
                return bench_.fail("the echo differs");
            bench_.count();
            send();
        };
        socket_.onerror = [this](const starling::ErrorEvent& event) { bench_.fail(event.message); };
    }

private:
    void send() { socket_.send(bench_.messages[bench_.next++ % bench_.messages.size()]); }

    Bench& bench_;
    starling::WebSocket socket_;
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 6) {
        std::fprintf(stderr,
                     "usage: %s PORT BYTES off|single|takeover|takeover12 CONNECTIONS SECONDS\n",
                     arguments[0]);
        return 2;
    }
    const starling::ws::Compression compression = starling::bench::compression(arguments[3]);
    const starling::WebSocketOptions options{
        .compression = compression, .server_compression = {.window_bits = compression.window_bits}};
    Bench bench{
        .messages = starling::bench::json_messages(static_cast<size_t>(std::atol(arguments[2]))),
        .connections = static_cast<uint64_t>(std::atol(arguments[4])),
        .measured = std::chrono::milliseconds(static_cast<int64_t>(std::atof(arguments[5]) * 1000)),
    };
    const std::string url = std::string("ws://127.0.0.1:") + arguments[1] + "/";
    std::vector<std::unique_ptr<Client>> clients;
    clients.reserve(bench.connections);
    for (uint64_t i = 0; i < bench.connections; ++i)
        clients.push_back(std::make_unique<Client>(bench, url, options));
    bench.loop.after(warmup, [&] { bench.warm = true; });
    bench.loop.run();
    return bench.status;
}
