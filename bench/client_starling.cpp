// bench/client_starling.cpp: starling::WebSocket as one of the clients of bench/clients.py. The arguments
// are in client_run.h.
#include <starling/client.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client_run.h"

namespace {

using starling::bench::ClientRun;

struct Bench {
    const ClientRun& run;
    starling::ClientLoop loop = {};
    starling::bench::ClientUsage usage = {};
    std::string url = "ws://127.0.0.1:" + std::to_string(run.port) + "/";
    uint64_t done = 0;  // Messages, or connections.
    int status = 0;
    std::function<void()> next = {};  // Opens one more connection.

    void fail(std::string_view message) {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(message.size()), message.data());
        status = 1;
        loop.stop();
    }
    void begin() {
        usage.begin(done);
        for (uint64_t i = 0; i < starling::bench::at_once_max; ++i) next();
    }
    void finish(uint64_t count = 0) {
        usage.print(done, count);
        loop.stop();
    }
};

// What an application keeps for each connection.
class Client {
public:
    explicit Client(Bench& bench) : bench_(bench), socket_(bench.loop, bench.url) {
        socket_.onopen = [this] { on_open(); };
        socket_.onmessage = [this](const starling::MessageEvent& event) { on_message(event); };
        socket_.onerror = [this](const starling::ErrorEvent& event) { bench_.fail(event.message); };
        socket_.onclose = [this] { on_close(); };
    }

private:
    void on_open() {
        if (bench_.run.is("storm")) return socket_.close(1000);
        const int count = bench_.run.is("idle") ? 1 : bench_.run.in_flight;
        for (int i = 0; i < count; ++i) socket_.send(bench_.run.payload);
    }
    void on_message(const starling::MessageEvent& event) {
        ++bench_.done;
        if (bench_.run.is("echo")) return socket_.send(event.data());
        using starling::bench::IdleStep;
        const IdleStep step = starling::bench::idle_step(bench_.run, bench_.done);
        // Not within a call of the socket.
        if (step == IdleStep::begin) return bench_.loop.post([&bench = bench_] { bench.begin(); });
        if (step == IdleStep::next && bench_.done > starling::bench::at_once_max)
            return bench_.next();
        if (step == IdleStep::end)
            bench_.loop.post(
                [&bench = bench_] { bench.finish(bench.done - starling::bench::at_once_max); });
    }
    void on_close() {
        if (!bench_.run.is("storm")) return;
        if (++bench_.done == static_cast<uint64_t>(bench_.run.connections)) return bench_.finish();
        bench_.loop.post([&bench = bench_] { bench.next(); });
    }

    Bench& bench_;
    starling::WebSocket socket_;
};

std::chrono::milliseconds after(double seconds) {
    return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

}  // namespace

int main(int count, char** arguments) {
    const ClientRun run = starling::bench::client_run(count, arguments);
    Bench bench{.run = run};
    std::vector<std::unique_ptr<Client>> clients;
    bench.next = [&] {
        if (clients.size() < static_cast<size_t>(run.connections))
            clients.push_back(std::make_unique<Client>(bench));
    };
    bench.begin();
    if (run.is("echo")) {
        bench.loop.after(after(starling::bench::warmup_seconds),
                         [&] { bench.usage.begin(bench.done); });
        bench.loop.after(after(starling::bench::warmup_seconds + run.seconds),
                         [&] { bench.finish(); });
    }
    bench.loop.run();
    return bench.status;
}
