// bench/load_idle.h: the mode `idle`: many connections that exchange one message each and then
// stay. The growth of the server's private memory, divided by their number, is the result.
#pragma once

#include <vector>

#include "heap.h"
#include "load/measure/frames.h"
#include "load/usage.h"
#include "options.h"
#include "sockets.h"

namespace starling::bench {

class IdleLoad {
public:
    explicit IdleLoad(const Options& options)
        : options_(options),
          frame_(client_frame(options.binary, message_text(options))),
          heap_(options) {}

    void run() {
        // After these connections the server has made its one-time allocations, such as receive buffers.
        open(options_.warm);
        const uint64_t pages = dirty_bytes(options_.server_pids, false);
        const int64_t heap = heap_.bytes();
        const uint64_t start = now_ns();
        for (uint32_t left = options_.connections; left > 0;) {
            const uint32_t batch = std::min(left, options_.connect_batch);
            open(batch);
            left -= batch;
        }
        const double seconds = static_cast<double>(now_ns() - start) / 1e9;
        const double count = options_.connections;
        const auto grown = static_cast<double>(
            static_cast<int64_t>(dirty_bytes(options_.server_pids, false) - pages));
        std::printf(
            "{\"mode\": \"idle\", \"connections\": %u, \"seconds\": %.3f, "
            "\"dirty_bytes\": %.0f, \"heap_bytes\": ",
            options_.connections, seconds, grown / count);
        if (options_.heap_path.empty())
            std::printf("null}\n");
        else
            std::printf("%.0f}\n", static_cast<double>(heap_.bytes() - heap) / count);
        std::fflush(stdout);
        std::getchar();  // Holds the connections until it is told, or its starter is gone.
    }

private:
    // In steps over the whole batch, so that server and client work at the same time.
    void open(uint32_t count) {
        const auto from = sockets_.size();
        for (uint32_t i = 0; i < count; ++i) {
            const uint32_t index = static_cast<uint32_t>(from) + i;
            sockets_.push_back(connect_to_server(options_, index));
            send_all(sockets_.back(), upgrade_request(options_, options_.path, index));
        }
        for (size_t i = from; i < sockets_.size(); ++i) {
            expect_upgrade(sockets_[i]);
            send_all(sockets_[i], frame_);
        }
        const size_t reply = server_frame(options_.binary, message_text(options_)).size();
        for (size_t i = from; i < sockets_.size(); ++i) {
            if (receive(sockets_[i], reply, MSG_WAITALL).size() != reply) fail("a short echo");
        }
    }

    const Options& options_;
    const std::string frame_;
    std::vector<Fd> sockets_;
    HeapQuestion heap_;
};

}  // namespace starling::bench
