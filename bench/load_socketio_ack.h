// bench/load_socketio_ack.h: the mode `socketio-ack`. Each connection keeps a number of events in
// flight that ask for an ack, and sends one more for each ack.
#pragma once

#include <vector>

#include "histogram.h"
#include "options.h"
#include "process.h"
#include "socketio_client.h"

namespace starling::bench {

class SocketioAckLoad {
public:
    explicit SocketioAckLoad(const Options& options) : options_(options), pool_(options) {
        const std::string text(options.payload_bytes, 'x');
        if (options.in_flight > ids) fail("--in-flight: at most " + std::to_string(ids));
        for (uint32_t i = 0; i < options.in_flight; ++i) {
            const std::string id = std::to_string(first_id + i);
            frames_ += client_frame(false, event_text(id, "echo", text));
            acks_.push_back(ack_text(id, text));
        }
        frame_bytes_ = frames_.size() / options.in_flight;
        frames_ += frames_;  // Twice, so that the frames after the end of the ring are contiguous.
        if (frames_.size() > sent_bytes_max) fail("--in-flight, --payload: too much at once");
    }

    void run() {
        pool_.open(options_.connections, options_.connections);
        Usage usage(options_.server_pids);
        for (Peer& peer : pool_.peers()) {
            peer.sent_at.resize(options_.in_flight);
            peer.returned = options_.in_flight;
            send_next(peer, now_ns());
        }
        spin(options_.warmup_seconds);
        latency_.clear();
        usage.restart();
        spin(options_.seconds);
        usage.stop();
        report(usage);
    }

    void joined(SocketioPeer&) noexcept {}

    template <class Peer>
    void message(Peer& peer, std::string_view packet) {
        if (packet != acks_[peer.oldest]) fail("not the ack that is due: " + std::string(packet));
        const uint64_t now = pool_.now();
        latency_.record(now - peer.sent_at[peer.oldest]);
        if (++peer.oldest == options_.in_flight) peer.oldest = 0;
        ++peer.returned;
        if (options_.refill_each || peer.returned == options_.in_flight) send_next(peer, now);
    }

private:
    // All ids have the same number of digits, so all frames have the same length.
    static constexpr uint32_t first_id = 1000, ids = 9000;
    static constexpr size_t sent_bytes_max = 64 * 1024;  // A socket always takes this many.

    struct Peer : SocketioPeer {
        std::vector<uint64_t> sent_at;  // A ring by id; the oldest event in flight is at `oldest`.
        size_t oldest = 0;
        uint32_t returned = 0;  // Returned since the last send.
    };

    void spin(double seconds) {
        const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
        while (now_ns() < end) pool_.poll(100, *this);
    }

    // In the ring, the events whose acks returned are just before `oldest`.
    void send_next(Peer& peer, uint64_t now) {
        const size_t first =
            (peer.oldest + options_.in_flight - peer.returned) % options_.in_flight;
        for (size_t i = 0; i < peer.returned; ++i)
            peer.sent_at[(first + i) % options_.in_flight] = now;
        send_all(peer.fd, std::string_view(frames_).substr(first * frame_bytes_,
                                                           peer.returned * frame_bytes_));
        peer.returned = 0;
    }

    void report(const Usage& usage) const {
        const auto messages = static_cast<double>(latency_.total());
        if (messages == 0) fail("no ack arrived");
        std::printf(
            "{\"mode\": \"socketio-ack\", \"messages\": %.0f, \"per_second\": %.0f, "
            "\"server_us\": %.4f, \"client_us\": %.4f, \"server_busy\": %.3f, "
            "\"client_busy\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
            messages, messages / usage.seconds(), usage.server_seconds() * 1e6 / messages,
            usage.client_seconds() * 1e6 / messages, usage.server_seconds() / usage.seconds(),
            usage.client_seconds() / usage.seconds(), latency_.microseconds(0.5),
            latency_.microseconds(0.99), latency_.microseconds(0.999));
    }

    const Options& options_;
    SocketioPool<Peer> pool_;
    std::string frames_;  // The frames of all ids, twice.
    std::vector<std::string> acks_;
    size_t frame_bytes_ = 0;
    Histogram latency_;
};

}  // namespace starling::bench
