// bench/load_socketio_fanout.h: the mode `socketio-fanout`. One connection emits events, which the
// server emits to every client. An event carries the time at which it was sent. Each delivery to
// another client is counted, and its delay is recorded.
#pragma once

#include <algorithm>

#include "load/measure/histogram.h"
#include "load/usage.h"
#include "options.h"
#include "socketio_client.h"

namespace starling::bench {

class SocketioFanoutLoad {
public:
    explicit SocketioFanoutLoad(const Options& options)
        : options_(options),
          text_(packet::event_text("", "pub", std::string(options.payload_bytes, 'x'))),
          frame_(client_frame(false, text_)),
          pool_(options) {
        if (options.payload_bytes < stamp_bytes) fail("--payload: no room for the time");
    }

    void run() {
        pool_.open(options_.connections + 1, connecting_at_once);
        emitter_ = &pool_.peers().front();
        Usage usage(options_.server_pids);
        spin(options_.warmup_seconds, true);
        latency_.clear();
        usage.restart();
        spin(options_.seconds, true);
        usage.stop();
        const Histogram measured = latency_;
        drain();
        report(usage, measured);
    }

    void joined(SocketioPeer&) noexcept {}

    void message(SocketioPeer& peer, std::string_view packet) {
        if (packet.size() != text_.size() || packet.substr(0, stamp_at) != head)
            fail("not what was emitted: " + std::string(packet));
        if (&peer == emitter_)
            return;  // The emitter gets a copy too; the claim is about the
                     // others.
        latency_.record(pool_.now() - read_stamp(packet.data() + stamp_at));
        ++delivered_;
    }

private:
    static constexpr std::string_view head = "42[\"pub\",\"";
    static constexpr size_t stamp_at = head.size();
    static constexpr uint32_t connecting_at_once = 50;
    static constexpr size_t unsent_bytes_max = 1 << 20;  // Beyond it, the emitter falls behind.

    // Waits by sleeping, not in epoll: the packets that arrive meanwhile are read together, and the
    // server does not pay for waking this thread with each of its sends.
    void spin(double seconds, bool emitting) {
        const uint64_t interval = 1'000'000'000U / options_.rate;
        uint64_t now = now_ns();
        const uint64_t end = now + static_cast<uint64_t>(seconds * 1e9);
        for (uint64_t next = now; now < end; now = now_ns()) {
            for (; emitting && next <= now && window_open(); next += interval) append(now);
            flush();
            if (pool_.poll(0, *this) == 0) nap(now, emitting ? std::min(next, end) : end);
        }
    }

    // With a window, at most `window` events are in flight. A server that cannot keep the rate is
    // then measured at the rate that it can keep, and not by the queue that it builds up.
    bool window_open() const noexcept {
        return options_.window == 0 ||
               emitted_ * options_.connections <
                   delivered_ + uint64_t{options_.window} * options_.connections;
    }

    static void nap(uint64_t now, uint64_t until) {
        if (until <= now) return;
        load::nap(until - now);
    }

    // Late events are not lost: waits until all have arrived, or until the allowed time is over.
    void drain() {
        const uint64_t end = now_ns() + static_cast<uint64_t>(options_.drain_seconds_max * 1e9);
        while (delivered_ < emitted_ * options_.connections && now_ns() < end) spin(0.01, false);
    }

    void append(uint64_t now) {
        if (unsent_.size() > unsent_bytes_max) return;
        unsent_ += frame_;
        write_stamp(unsent_.data() + unsent_.size() - text_.size() + stamp_at, now);
        ++emitted_;
    }

    void flush() {
        if (unsent_.empty()) return;
        const ssize_t n =
            send(emitter_->fd.get(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) fail(std::string("send: ") + std::strerror(errno));
        if (n > 0) unsent_.erase(0, static_cast<size_t>(n));
    }

    void report(const Usage& usage, const Histogram& measured) const {
        const auto deliveries = static_cast<double>(measured.total());
        if (deliveries == 0) fail("nothing was delivered");
        const uint64_t wanted = emitted_ * options_.connections;
        std::printf(
            "{\"mode\": \"socketio-fanout\", \"deliveries\": %.0f, \"per_second\": %.0f, "
            "\"wanted_per_second\": %.0f, \"missing\": %llu, \"server_us\": %.4f, "
            "\"client_us\": %.4f, \"server_busy\": %.3f, \"client_busy\": %.3f, "
            "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
            deliveries, deliveries / usage.seconds(),
            static_cast<double>(options_.rate) * options_.connections,
            static_cast<unsigned long long>(wanted - delivered_),
            usage.server_seconds() * 1e6 / deliveries, usage.client_seconds() * 1e6 / deliveries,
            usage.server_seconds() / usage.seconds(), usage.client_seconds() / usage.seconds(),
            measured.microseconds(0.5), measured.microseconds(0.99), measured.microseconds(0.999),
            measured.microseconds(1));
    }

    const Options& options_;
    const std::string text_, frame_;
    SocketioPool<SocketioPeer> pool_;
    const SocketioPeer* emitter_ = nullptr;
    std::string unsent_;
    uint64_t emitted_ = 0, delivered_ = 0;
    Histogram latency_;
};

}  // namespace starling::bench
