// bench/load_idle.h: the mode `idle`: many connections that exchange one message each and then
// stay. The growth of the server's private memory, divided by their number, is the result.
#pragma once

#include <cctype>
#include <vector>

#include "options.h"
#include "process.h"
#include "sockets.h"
#include "wire.h"

namespace starling::bench {

class IdleLoad {
public:
    explicit IdleLoad(const Options& options)
        : options_(options),
          frame_(client_frame(options.binary, std::string(options.payload_bytes, 'x'))) {}

    void run() {
        // What the server allocates once, such as receive buffers, is there after these.
        open(warm_connections);
        const uint64_t pages = private_dirty_bytes(options_.server_pid);
        const int64_t heap = heap_bytes();
        const uint64_t start = now_ns();
        for (uint32_t left = options_.connections; left > 0;) {
            const uint32_t batch = std::min(left, options_.connect_batch);
            open(batch);
            left -= batch;
        }
        const double seconds = static_cast<double>(now_ns() - start) / 1e9;
        const double count = options_.connections;
        const auto grown = static_cast<double>(
            static_cast<int64_t>(private_dirty_bytes(options_.server_pid) - pages));
        std::printf(
            "{\"mode\": \"idle\", \"connections\": %u, \"seconds\": %.3f, "
            "\"dirty_bytes\": %.0f, \"heap_bytes\": ",
            options_.connections, seconds, grown / count);
        if (options_.heap_path.empty())
            std::printf("null}\n");
        else
            std::printf("%.0f}\n", static_cast<double>(heap_bytes() - heap) / count);
        std::fflush(stdout);
        std::getchar();  // Holds the connections until it is told, or its starter is gone.
    }

private:
    static constexpr uint32_t warm_connections = 16;

    // In steps over the whole batch, so that server and client work at the same time.
    void open(uint32_t count) {
        const auto from = sockets_.size();
        const std::string request = upgrade_request(options_, options_.path);
        for (uint32_t i = 0; i < count; ++i) {
            sockets_.push_back(connect_to_server(options_, static_cast<uint32_t>(from) + i));
            send_all(sockets_.back(), request);
        }
        for (size_t i = from; i < sockets_.size(); ++i) {
            expect_upgrade(sockets_[i]);
            send_all(sockets_[i], frame_);
        }
        const size_t reply = server_frame_bytes(options_.payload_bytes);
        for (size_t i = from; i < sockets_.size(); ++i) {
            if (receive(sockets_[i], reply, MSG_WAITALL).size() != reply) fail("a short echo");
        }
    }

    // What the server's allocator says is in use, as a number in the body of a response. The
    // connection for the question is the same before and after, so it does not count.
    int64_t heap_bytes() {
        if (options_.heap_path.empty()) return 0;
        if (question_.get() < 0) question_ = connect_to_server(options_, 0);
        send_all(question_, "GET " + options_.heap_path + " HTTP/1.1\r\nHost: 127.0.0.1:" +
                                std::to_string(options_.port) + "\r\n\r\n");
        std::string response = receive_response(question_);
        const size_t body = response.find("\r\n\r\n") + 4;
        while (response.size() == body || std::isdigit(response.back()))
            response += receive(question_, 4096);  // The number ends with a line feed.
        return std::strtoll(response.c_str() + body, nullptr, 10);
    }

    const Options& options_;
    const std::string frame_;
    std::vector<Fd> sockets_;
    Fd question_;
};

}  // namespace starling::bench
