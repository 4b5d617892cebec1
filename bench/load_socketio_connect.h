// bench/load_socketio_connect.h: the mode `socketio-connect`, with a number of connections at once.
// Each connection connects, upgrades, joins the namespace /, and ends. Then the next one takes its
// place.
#pragma once

#include "load/measure/histogram.h"
#include "load/usage.h"
#include "options.h"
#include "socketio_client.h"

namespace starling::bench {

class SocketioConnectLoad {
public:
    explicit SocketioConnectLoad(const Options& options) : options_(options), pool_(options) {}

    void run() {
        for (uint32_t i = 0; i < options_.connections; ++i) {
            const uint64_t now = now_ns();
            pool_.add().started_at = now;
        }
        Usage usage(options_.server_pids);
        spin(options_.warmup_seconds);
        latency_.clear();
        usage.restart();
        spin(options_.seconds);
        usage.stop();
        report(usage);
    }

    template <class Peer>
    void joined(Peer& peer) {
        latency_.record(pool_.now() - peer.started_at);
        peer.started_at = now_ns();
        pool_.restart(peer);
    }

    void message(SocketioPeer&, std::string_view packet) {
        fail("not asked for: " + std::string(packet));
    }

private:
    struct Peer : SocketioPeer {
        uint64_t started_at = 0;
    };

    void spin(double seconds) {
        const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
        while (now_ns() < end) pool_.poll(100, *this);
    }

    void report(const Usage& usage) const {
        const auto count = static_cast<double>(latency_.total());
        if (count == 0) fail("no connection was made");
        std::printf(
            "{\"mode\": \"socketio-connect\", \"connections\": %.0f, \"per_second\": %.0f, "
            "\"server_us\": %.3f, \"client_us\": %.3f, \"server_busy\": %.3f, "
            "\"client_busy\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
            count, count / usage.seconds(), usage.server_seconds() * 1e6 / count,
            usage.client_seconds() * 1e6 / count, usage.server_seconds() / usage.seconds(),
            usage.client_seconds() / usage.seconds(), latency_.microseconds(0.5),
            latency_.microseconds(0.99), latency_.microseconds(0.999));
    }

    const Options& options_;
    SocketioPool<Peer> pool_;
    Histogram latency_;
};

}  // namespace starling::bench
