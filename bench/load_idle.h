// bench/load_idle.h: the modes `idle` and `socketio-idle`: many connections that exchange one message
// each and then stay. The growth of the server's memory, divided by their number, is the result: with
// Socket.IO once after all have joined, and again after the message.
#pragma once

#include <cstdio>
#include <cstdlib>

#include "pool.h"

namespace starling::bench {

class IdleLoad final : public Pool {
public:
    explicit IdleLoad(const Options& options)
        : Pool(options),
          form_(options.binary, message_text(options)),
          frame_(speaks_socketio()
                     ? client_frame(
                           false,
                           packet::event_text("0", "echo", std::string(options.payload_bytes, 'x')))
                     : client_frame(options.binary, message_text(options))) {}

    void run() {
        // After these connections the server has made its one-time allocations, such as receive buffers.
        open(options().warm);
        exchange();
        const Memory before = memory();
        const uint64_t start = now_ns();
        open(options().connections);
        const uint64_t joined_ns = now_ns();
        const Memory joined = speaks_socketio() ? memory() : Memory{};
        exchange();
        const uint64_t end_ns = speaks_socketio() ? joined_ns : now_ns();
        report(static_cast<double>(end_ns - start) / 1e9, before, joined, memory());
    }

private:
    struct Memory {
        double pages = 0, heap = 0;
    };

    // The server says on request how many bytes its allocator has given out: a number and a line feed.
    Memory memory() {
        Memory found;
        if (!options().heap_path.empty())
            found.heap = std::strtod(ask("GET", options().heap_path).c_str(), nullptr);
        found.pages = static_cast<double>(dirty_bytes(options().server_pids, false));
        return found;
    }

    // Few enough at a time that no server has to queue them.
    void exchange() {
        answers_ = 0;
        size_t sent = 0;
        for (Peer& peer : peers()) {
            engine().send(peer, frame_);
            ++sent;
            while (sent - answers_ >= options().connect_batch) wait();
        }
        while (answers_ < sent) wait();
    }

    void received(Peer& peer, std::span<std::byte> bytes) override {
        if (!speaks_socketio()) {
            const auto taken = peer.replies.take(form_, base::text_of(bytes));
            if (*taken.wrong) fail(taken.wrong);
            if (taken.closed) fail("the server closed a connection");
            answers_ += taken.replies;
            if (peer.replies.owes_pongs()) engine().send(peer, peer.replies.take_pongs());
            return;
        }
        peer.reader.read(bytes, [&](const ws::Event& event) {
            const SocketIoSession::Taken taken = peer.session.take(base::text_of(event.bytes));
            if (taken.told == SocketIoSession::Told::reply)
                engine().send(peer, client_frame(false, taken.text));
            else if (taken.told == SocketIoSession::Told::ack)
                ++answers_;
            else
                fail("not an ack: " + std::string(base::text_of(event.bytes)));
            return true;
        });
    }

    void report(double seconds, const Memory& before, const Memory& joined,
                const Memory& after) const {
        const double count = options().connections;
        std::printf("{\"mode\": \"%s\", \"connections\": %u, \"seconds\": %.3f, ",
                    options().mode.c_str(), options().connections, seconds);
        if (speaks_socketio()) {
            print("", before, joined, count);
            print("_after", before, after, count);
        } else {
            print("", before, after, count);
        }
        std::printf("\"warm\": %u}\n", options().warm);
        std::fflush(stdout);
        std::getchar();  // Holds the connections until it is told, or its starter is gone.
    }
    void print(const char* suffix, const Memory& before, const Memory& then, double count) const {
        std::printf("\"dirty_bytes%s\": %.0f, ", suffix, (then.pages - before.pages) / count);
        if (options().heap_path.empty())
            std::printf("\"heap_bytes%s\": null, ", suffix);
        else
            std::printf("\"heap_bytes%s\": %.0f, ", suffix, (then.heap - before.heap) / count);
    }

    const ReplyForm form_;
    const std::string frame_;
    size_t answers_ = 0;
};

}  // namespace starling::bench
