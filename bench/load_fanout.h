// bench/load_fanout.h: the mode `fanout`, with one publisher and many subscribers. A message
// carries the time at which it was published. Every delivery is counted, and its delay is recorded.
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "histogram.h"
#include "options.h"
#include "process.h"
#include "sockets.h"
#include "wire.h"

namespace starling::bench {

class FanoutLoad {
public:
    explicit FanoutLoad(const Options& options)
        : options_(options),
          first_(first_byte(options.binary)),
          frame_(client_frame(options.binary, message_text(options))),
          delivery_bytes_(server_frame_bytes(options.payload_bytes)),
          stamp_at_(header_bytes(options.payload_bytes) + options.stamp_at),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          buffer_(256 * 1024) {
        if (options.payload_bytes < stamp_bytes + options.stamp_at)
            fail("--payload: no room for the time in fanout");
    }

    void run() {
        open();
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

private:
    static constexpr size_t unsent_bytes_max = 1 << 20;  // Beyond it, the publisher falls behind.
    static constexpr uint64_t nap_ns_max = 200'000;      // The resolution of the latencies.

    struct Peer {
        Fd fd;
        FrameCounter deliveries;
        char stamp[stamp_bytes]{};  // The time stamp of the unfinished frame.
    };

    void open() {
        const uint64_t before = dirty_bytes(options_.server_pids, true);
        for (uint32_t i = 0; i < options_.connections; ++i) {
            Peer& peer = peers_.emplace_back();
            peer.fd = open_websocket(options_, options_.path, i);
            add(peer);
        }
        bytes_each_ = double(dirty_bytes(options_.server_pids, true)) - double(before);
        bytes_each_ /= options_.connections;
        publisher_.fd = open_websocket(options_, options_.publish_path, options_.connections);
        add(publisher_);
    }

    void add(Peer& peer) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &peer;
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peer.fd.get(), &event);
    }

    // Handles few events at a time, so that the publisher keeps its pace. Waits by sleeping, not in
    // epoll: the messages that arrive meanwhile are read together, and the server does not pay for
    // waking this thread with each of its sends.
    void spin(double seconds, bool publishing) {
        const uint64_t interval = 1'000'000'000U / options_.rate;
        uint64_t now = now_ns();
        const uint64_t end = now + static_cast<uint64_t>(seconds * 1e9);
        epoll_event events[64];
        for (uint64_t next = now; now < end; now = now_ns()) {
            for (; publishing && next <= now && window_open(); next += interval) append(now);
            flush();
            const int n = epoll_wait(epoll_.get(), events, 64, 0);
            for (int i = 0; i < n; ++i) read(*static_cast<Peer*>(events[i].data.ptr));
            if (n == 0) nap(now, publishing ? std::min(next, end) : end);
        }
    }

    // With a window, the publisher sends the next message only if at most `window` messages are in
    // flight. Its pace is then the pace of the deliveries.
    bool window_open() const noexcept {
        return options_.window == 0 ||
               published_ * options_.connections <
                   delivered_ + uint64_t{options_.window} * options_.connections;
    }

    static void nap(uint64_t now, uint64_t until) {
        if (until <= now) return;
        const timespec pause{0, static_cast<long>(std::min(until - now, nap_ns_max))};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
    }

    // Late messages are not lost: waits until all have arrived, or until none has arrived for half
    // a second.
    void drain() {
        const uint64_t wanted = published_ * options_.connections;
        const uint64_t end = now_ns() + static_cast<uint64_t>(options_.drain_seconds_max * 1e9);
        while (!unsent_.empty() && now_ns() < end) spin(0.01, false);
        for (uint64_t before = ~uint64_t{0};
             delivered_ < wanted && before != delivered_ && now_ns() < end;) {
            before = delivered_;
            for (int i = 0; i < 10 && delivered_ < wanted; ++i) spin(0.05, false);
        }
    }

    void append(uint64_t now) {
        if (unsent_.size() > unsent_bytes_max) return;
        unsent_ += frame_;
        write_stamp(unsent_.data() + unsent_.size() - options_.payload_bytes + options_.stamp_at,
                    now);
        ++published_;
    }

    void flush() {
        if (unsent_.empty()) return;
        const ssize_t n =
            send(publisher_.fd.get(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) fail(std::string("send: ") + std::strerror(errno));
        if (n > 0) unsent_.erase(0, static_cast<size_t>(n));
    }

    void read(Peer& peer) {
        const ssize_t n = recv(peer.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) fail("the server ended a connection");
        if (&peer == &publisher_)
            return;  // Some servers send the publisher a report for each
                     // message.
        const auto count = static_cast<size_t>(n);
        const size_t have = peer.deliveries.have();
        const int ended = peer.deliveries.take(buffer_.data(), count, delivery_bytes_, first_);
        if (ended < 0) fail("a delivery does not begin as it should");
        record(peer, count, have);
        delivered_ += static_cast<uint64_t>(ended);
    }

    // Frame number k of these bytes begins at k * delivery_bytes_ - have.
    void record(Peer& peer, size_t count, size_t have) {
        const uint64_t now = now_ns();
        const char* const bytes = buffer_.data();
        for (size_t begin = 0; begin < have + count; begin += delivery_bytes_) {
            const bool ends = begin + delivery_bytes_ <= have + count;
            const size_t stamp = begin + stamp_at_;
            if (ends && stamp >= have) {
                latency_.record(now - read_stamp(bytes + stamp - have));
                continue;
            }
            for (size_t i = 0; i < stamp_bytes; ++i)
                if (stamp + i >= have && stamp + i < have + count)
                    peer.stamp[i] = bytes[stamp + i - have];
            if (ends) latency_.record(now - read_stamp(peer.stamp));
        }
    }

    void report(const Usage& usage, const Histogram& measured) const {
        const auto deliveries = static_cast<double>(measured.total());
        const uint64_t wanted = published_ * options_.connections;
        std::printf(
            "{\"mode\": \"fanout\", \"deliveries\": %.0f, \"per_second\": %.0f, "
            "\"wanted_per_second\": %.0f, \"missing\": %llu, \"server_us\": %.4f, "
            "\"client_us\": %.4f, \"server_busy\": %.3f, \"client_busy\": %.3f, "
            "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, "
            "\"bytes_each\": %.0f}\n",
            deliveries, deliveries / usage.seconds(),
            static_cast<double>(options_.rate) * options_.connections,
            static_cast<unsigned long long>(wanted > delivered_ ? wanted - delivered_ : 0),
            usage.server_seconds() * 1e6 / deliveries, usage.client_seconds() * 1e6 / deliveries,
            usage.server_seconds() / usage.seconds(), usage.client_seconds() / usage.seconds(),
            measured.microseconds(0.5), measured.microseconds(0.99), measured.microseconds(0.999),
            measured.microseconds(1), bytes_each_);
    }

    const Options& options_;
    const char first_;
    const std::string frame_;
    const size_t delivery_bytes_;
    const size_t stamp_at_;
    const Fd epoll_;
    std::vector<char> buffer_;
    std::deque<Peer> peers_;  // Does not move its elements: epoll holds their addresses.
    Peer publisher_;
    std::string unsent_;
    double bytes_each_ = 0;  // Memory of the server per subscriber.
    uint64_t published_ = 0, delivered_ = 0;
    Histogram latency_;
};

}  // namespace starling::bench
