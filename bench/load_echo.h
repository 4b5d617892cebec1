// bench/load_echo.h: the modes `echo` and `raw`. Each connection keeps a number of messages in
// flight, and sends one more for each message that returns.
#pragma once

#include <sys/epoll.h>

#include <deque>
#include <vector>

#include "histogram.h"
#include "options.h"
#include "process.h"
#include "sockets.h"
#include "wire.h"

namespace starling::bench {

class EchoLoad {
public:
    explicit EchoLoad(const Options& options)
        : options_(options),
          raw_(options.mode == "raw"),
          first_(first_byte(options.binary)),
          frame_(client_frame(options.binary, message_text(options))),
          reply_bytes_(raw_ ? frame_.size() : server_frame_bytes(options.payload_bytes)),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          buffer_(256 * 1024) {
        // One frame more than is ever sent at once, so that a send may begin inside a frame.
        for (uint32_t i = 0; i <= options.in_flight; ++i) frames_ += frame_;
    }

    void run() {
        open();
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
        FrameCounter replies;
        size_t owed_bytes = 0;          // The bytes that are still to be sent
        size_t offset = 0;              // begin at this place of a frame.
        std::vector<uint64_t> sent_at;  // A ring; the oldest message in flight is at `oldest`.
        size_t oldest = 0;
        uint32_t returned = 0;  // Returned since the last send.
        bool wants_out = false;
    };

    void open() {
        for (uint32_t i = 0; i < options_.connections; ++i) {
            Peer& peer = peers_.emplace_back();
            peer.fd =
                raw_ ? connect_to_server(options_, i) : open_websocket(options_, options_.path, i);
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.ptr = &peer;
            epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peer.fd.get(), &event);
        }
        for (Peer& peer : peers_) {
            peer.sent_at.assign(options_.in_flight, now_ns());
            peer.owed_bytes = options_.in_flight * frame_.size();
            flush(peer);
        }
    }

    void spin(double seconds) {
        const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
        epoll_event events[256];
        while (now_ns() < end) {
            const int n = epoll_wait(epoll_.get(), events, 256, options_.naps ? 0 : 100);
            if (n == 0 && options_.naps) nap();
            for (int i = 0; i < n; ++i) {
                Peer& peer = *static_cast<Peer*>(events[i].data.ptr);
                if (events[i].events & ~static_cast<uint32_t>(EPOLLOUT)) read(peer);
                if (peer.owed_bytes) flush(peer);
            }
        }
    }

    void read(Peer& peer) {
        const ssize_t n = recv(peer.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) fail("the server ended a connection");
        const int ended =
            peer.replies.take(buffer_.data(), static_cast<size_t>(n), reply_bytes_, first_);
        if (ended < 0) fail("a reply does not begin as it should");
        const uint64_t now = now_ns();
        for (int i = 0; i < ended; ++i) {
            latency_.record(now - peer.sent_at[peer.oldest]);
            if (++peer.oldest == options_.in_flight) peer.oldest = 0;
        }
        peer.returned += static_cast<uint32_t>(ended);
        if (options_.refill_each || peer.returned == options_.in_flight) send_next(peer, now);
    }

    // The places of the messages that returned are those in the ring just before `oldest`.
    void send_next(Peer& peer, uint64_t now) {
        for (; peer.returned > 0; --peer.returned) {
            peer.sent_at[(peer.oldest + options_.in_flight - peer.returned) % options_.in_flight] =
                now;
            peer.owed_bytes += frame_.size();
        }
    }

    void flush(Peer& peer) {
        const ssize_t n = send(peer.fd.get(), frames_.data() + peer.offset, peer.owed_bytes,
                               MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) fail(std::string("send: ") + std::strerror(errno));
        if (n > 0) {
            peer.owed_bytes -= static_cast<size_t>(n);
            peer.offset = (peer.offset + static_cast<size_t>(n)) % frame_.size();
        }
        const bool wants_out = peer.owed_bytes != 0;
        if (wants_out == peer.wants_out) return;
        peer.wants_out = wants_out;
        epoll_event event{};
        event.events = EPOLLIN;
        if (wants_out) event.events |= EPOLLOUT;
        event.data.ptr = &peer;
        epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, peer.fd.get(), &event);
    }

    void report(const Usage& usage) const {
        const auto messages = static_cast<double>(latency_.total());
        std::printf(
            "{\"mode\": \"%s\", \"messages\": %.0f, \"per_second\": %.0f, "
            "\"server_us\": %.4f, \"client_us\": %.4f, \"server_busy\": %.3f, "
            "\"client_busy\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
            options_.mode.c_str(), messages, messages / usage.seconds(),
            usage.server_seconds() * 1e6 / messages, usage.client_seconds() * 1e6 / messages,
            usage.server_seconds() / usage.seconds(), usage.client_seconds() / usage.seconds(),
            latency_.microseconds(0.5), latency_.microseconds(0.99), latency_.microseconds(0.999));
    }

    const Options& options_;
    const bool raw_;
    const char first_;
    const std::string frame_;
    const size_t reply_bytes_;
    const Fd epoll_;
    std::vector<char> buffer_;
    std::string frames_;
    std::deque<Peer> peers_;  // Does not move its elements: epoll holds their addresses.
    Histogram latency_;
};

}  // namespace starling::bench
