// bench/load_socketio_idle.h: the mode `socketio-idle`: many connections join the namespace / and
// stay open. The result is the growth of the server's memory, divided by their number: once after
// all have joined, and again after each has got an ack.
#pragma once

#include "heap.h"
#include "load/usage.h"
#include "options.h"
#include "socketio_client.h"

namespace starling::bench {

class SocketioIdleLoad {
public:
    explicit SocketioIdleLoad(const Options& options)
        : options_(options),
          frame_(client_frame(
              false, packet::event_text("0", "echo", std::string(options.payload_bytes, 'x')))),
          pool_(options),
          heap_(options) {}

    void run() {
        // After these connections, the server has allocated what it allocates only once, such as
        // receive buffers.
        pool_.open(warm_connections, warm_connections);
        exchange();
        const Memory before = memory();
        const uint64_t start = now_ns();
        pool_.open(options_.connections, options_.connect_batch);
        const double seconds = static_cast<double>(now_ns() - start) / 1e9;
        const Memory joined = memory();
        exchange();
        report(seconds, before, joined, memory());
    }

    void joined(SocketioPeer&) noexcept {}

    void message(SocketioPeer&, std::string_view packet) {
        if (!packet.starts_with(packet::ack)) fail("not an ack: " + std::string(packet));
        ++acks_;
    }

private:
    static constexpr uint32_t warm_connections = 16;

    struct Memory {
        double pages, heap;
    };

    Memory memory() {
        const auto heap = static_cast<double>(heap_.bytes());
        return {static_cast<double>(dirty_bytes(options_.server_pids, false)), heap};
    }

    // Each connection sends one event; few enough at a time that no server has to queue them.
    void exchange() {
        acks_ = 0;
        size_t sent = 0;
        for (const SocketioPeer& peer : pool_.peers()) {
            send_all(peer.fd, frame_);
            ++sent;
            while (sent - acks_ >= options_.connect_batch) wait();
        }
        while (acks_ < sent) wait();
    }

    void wait() {
        if (pool_.poll(30'000, *this) <= 0) fail("the server does not answer");
    }

    void report(double seconds, const Memory& before, const Memory& joined, const Memory& after) {
        const double count = options_.connections;
        std::printf(
            "{\"mode\": \"socketio-idle\", \"connections\": %u, \"seconds\": %.3f, "
            "\"dirty_bytes\": %.0f, \"dirty_bytes_after\": %.0f, ",
            options_.connections, seconds, (joined.pages - before.pages) / count,
            (after.pages - before.pages) / count);
        if (options_.heap_path.empty())
            std::printf("\"heap_bytes\": null, \"heap_bytes_after\": null}\n");
        else
            std::printf("\"heap_bytes\": %.0f, \"heap_bytes_after\": %.0f}\n",
                        (joined.heap - before.heap) / count, (after.heap - before.heap) / count);
        std::fflush(stdout);
        std::getchar();  // Holds the connections until a line arrives, or until the starter has
                         // ended.
    }

    const Options& options_;
    const std::string frame_;
    SocketioPool<SocketioPeer> pool_;
    HeapQuestion heap_;
    size_t acks_ = 0;
};

}  // namespace starling::bench
