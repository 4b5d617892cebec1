// bench/load_control_list.h: the mode `control-list`: many connections to a gateway, some of which send
// pings at a steady rate; first alone, then while the list of all connections is asked for some times in a
// second. A pong's delay counts from the moment at which its ping was due.
#pragma once

#include <sys/epoll.h>

#include <deque>
#include <string>
#include <vector>

#include "control_client.h"
#include "load/measure/frames.h"
#include "load/measure/histogram.h"
#include "load/measure/replies.h"
#include "load/usage.h"
#include "options.h"
#include "sockets.h"

namespace starling::bench {

class ControlListLoad {
public:
    explicit ControlListLoad(const Options& options)
        : options_(options),
          frame_(client_frame(false, R"({"event":"ping","data":{}})")),
          reply_(false, R"({"event":"pong"})"),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          buffer_(256 * 1024) {
        if (options.pinging > options.connections) fail("--pinging: more than --connections");
    }

    void run() {
        open();
        Usage usage(options_.server_pids);
        spin(options_.warmup_seconds);
        measure(usage);
        report("alone", usage);
        listing_ = true;
        measure(usage);
        report("listing", usage);
        std::printf(
            "\"mode\": \"control-list\", \"lists_per_second\": %.2f, \"list_bytes\": %zu}\n",
            static_cast<double>(lists_) / usage.seconds(), list_bytes_);
        if (lists_ == 0) fail("no list was answered");
    }

private:
    struct Peer {
        Fd fd;
        ReplyCounter pongs;
        std::deque<uint64_t> due;  // When the pings that are on the way should have left.
    };

    void open() {
        sockets_ = open_websockets(options_, options_.connections);
        for (uint32_t i = 0; i < options_.pinging; ++i) {
            Peer& peer = peers_.emplace_back();
            // Spread over all connections, for any order in which the server keeps them.
            peer.fd = std::move(sockets_[i * (options_.connections / options_.pinging)]);
            add(peer);
        }
        const std::string list = ask_for_list(options_);
        list_bytes_ = list.size();
        if (ids_of(list).size() < options_.connections) fail("the list lacks connections");
        caller_.fd = connect_to_server(options_, 0);
        add(caller_);
    }

    void add(Peer& peer) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &peer;
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peer.fd.get(), &event);
    }

    void measure(Usage& usage) {
        latency_.clear();
        lists_ = 0;
        usage.restart();
        spin(options_.seconds);
        usage.stop();
    }

    void spin(double seconds) {
        const uint64_t interval = 1'000'000'000U / options_.rate;
        uint64_t now = now_ns();
        const uint64_t end = now + static_cast<uint64_t>(seconds * 1e9);
        epoll_event events[64];
        for (uint64_t next = now; now < end; now = now_ns()) {
            for (; next <= now; next += interval) ping(next);
            if (listing_) ask(now);
            const int n = epoll_wait(epoll_.get(), events, 64, 0);
            for (int i = 0; i < n; ++i) read(*static_cast<Peer*>(events[i].data.ptr));
            if (n > 0) continue;
            load::nap(next - now);
        }
    }

    void ping(uint64_t due) {
        Peer& peer = peers_[turn_++ % peers_.size()];
        peer.due.push_back(due);
        send_all(peer.fd, frame_);
    }

    // One at a time; a server that takes longer gets the next request at once.
    void ask(uint64_t now) {
        if (asked_ || now < next_list_) return;
        next_list_ = now + 1'000'000'000U / options_.list_rate;
        send_all(caller_.fd, request_);
        asked_ = true;
    }

    void read(Peer& peer) {
        const ssize_t n = recv(peer.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) fail("the server ended a connection");
        const auto count = static_cast<size_t>(n);
        if (&peer == &caller_) return listed({buffer_.data(), count});
        const auto taken = peer.pongs.take(reply_, {buffer_.data(), count});
        if (*taken.wrong || taken.replies > peer.due.size()) fail("not a pong");
        const uint64_t now = now_ns();
        for (uint32_t left = taken.replies; left > 0; --left, peer.due.pop_front())
            latency_.record(now - peer.due.front());
    }

    void listed(std::string_view bytes) {
        if (!answer_.take(bytes, [&](std::string_view part) { answer_bytes_ += part.size(); }))
            return;
        if (answer_bytes_ != list_bytes_) fail("the list has another length");
        answer_bytes_ = 0;
        ++lists_;
        asked_ = false;
    }

    void report(const char* when, const Usage& usage) const {
        std::printf(
            "%s\"%s_per_second\": %.0f, \"%s_p50_us\": %.1f, \"%s_p99_us\": %.1f, "
            "\"%s_max_us\": %.1f, \"%s_busy\": %.3f, ",
            listing_ ? "" : "{", when, static_cast<double>(latency_.total()) / usage.seconds(),
            when, latency_.microseconds(0.5), when, latency_.microseconds(0.99), when,
            latency_.microseconds(1), when, usage.server_seconds() / usage.seconds());
    }

    const Options& options_;
    const std::string frame_;
    const ReplyForm reply_;
    const std::string request_ = list_request(options_);
    const Fd epoll_;
    std::vector<char> buffer_;
    std::vector<Fd> sockets_;
    std::deque<Peer> peers_;  // Does not move its elements: epoll holds their addresses.
    Peer caller_;
    HttpStream answer_;
    bool listing_ = false, asked_ = false;
    uint64_t next_list_ = 0;
    size_t turn_ = 0, list_bytes_ = 0, answer_bytes_ = 0;
    uint64_t lists_ = 0;
    Histogram latency_;
};

}  // namespace starling::bench
