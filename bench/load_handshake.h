// bench/load_handshake.h: the mode `handshake`, with a number of connections at once. Each
// connection connects, upgrades, and ends when it has the answer. Then the next one takes its
// place.
#pragma once

#include <sys/epoll.h>

#include <deque>

#include "histogram.h"
#include "options.h"
#include "process.h"
#include "sockets.h"

namespace starling::bench {

class HandshakeLoad {
public:
    explicit HandshakeLoad(const Options& options)
        : options_(options),
          request_(upgrade_request(options, options.path)),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          peers_(options.connections) {}

    void run() {
        for (Peer& peer : peers_) start(peer);
        Usage usage(options_.server_pids);
        spin(options_.warmup_seconds);
        latency_.clear();
        usage.restart();
        spin(options_.seconds);
        usage.stop();
        report(usage);
    }

private:
    struct Peer {
        Fd fd;
        uint64_t started_at = 0;
        std::string response;
    };

    // A connect() over loopback is complete when it returns, unless the server's queue is full.
    void start(Peer& peer) {
        peer.started_at = now_ns();
        peer.response.clear();
        peer.fd = connect_to_server(options_, started_++);
        if (options_.reset) {
            const linger none{1, 0};
            setsockopt(peer.fd.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
        }
        send_all(peer.fd, request_);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &peer;
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peer.fd.get(), &event);
    }

    void spin(double seconds) {
        const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
        epoll_event events[256];
        while (now_ns() < end) {
            const int n = epoll_wait(epoll_.get(), events, 256, 100);
            for (int i = 0; i < n; ++i) read(*static_cast<Peer*>(events[i].data.ptr));
        }
    }

    void read(Peer& peer) {
        peer.response += receive(peer.fd, 4096, MSG_DONTWAIT);
        if (!peer.response.ends_with("\r\n\r\n")) return;
        if (!peer.response.starts_with("HTTP/1.1 101")) fail("refused:\n" + peer.response);
        latency_.record(now_ns() - peer.started_at);
        peer.fd = Fd();  // Closing the descriptor also removes it from the epoll set.
        start(peer);
    }

    void report(const Usage& usage) const {
        const auto count = static_cast<double>(latency_.total());
        std::printf(
            "{\"mode\": \"handshake\", \"handshakes\": %.0f, \"per_second\": %.0f, "
            "\"server_us\": %.3f, \"client_us\": %.3f, \"server_busy\": %.3f, "
            "\"client_busy\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
            count, count / usage.seconds(), usage.server_seconds() * 1e6 / count,
            usage.client_seconds() * 1e6 / count, usage.server_seconds() / usage.seconds(),
            usage.client_seconds() / usage.seconds(), latency_.microseconds(0.5),
            latency_.microseconds(0.99), latency_.microseconds(0.999));
    }

    const Options& options_;
    const std::string request_;
    const Fd epoll_;
    std::deque<Peer> peers_;
    uint32_t started_ = 0;
    Histogram latency_;
};

}  // namespace starling::bench
