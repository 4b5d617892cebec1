// bench/load_control.h: the modes `control-send` and `control-users`: requests that send a message through a
// gateway's control API, over keep-alive connections with one request on the way each. A request of
// control-send names one of the clients by its id, one after the other; that of control-users names the
// users of all. What the clients receive is counted.
#pragma once

#include <sys/epoll.h>

#include <deque>
#include <string>
#include <vector>

#include "control_client.h"
#include "http_message.h"
#include "load/measure/histogram.h"
#include "load/measure/replies.h"
#include "load/usage.h"
#include "options.h"
#include "sockets.h"

namespace starling::bench {

class ControlLoad {
public:
    explicit ControlLoad(const Options& options)
        : options_(options),
          to_users_(options.mode == "control-users"),
          deliveries_each_(to_users_ ? options.connections : 1),
          delivery_(false, message_text(options)),
          due_("\"connections\":" + std::to_string(deliveries_each_) + "}"),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          buffer_(256 * 1024) {}

    void run() {
        open();
        Usage usage(options_.server_pids);
        spin(options_.warmup_seconds);
        latency_.clear();
        const uint64_t before = delivered_;
        usage.restart();
        spin(options_.seconds);
        usage.stop();
        const uint64_t measured = delivered_ - before;
        drain();
        report(usage, measured);
    }

private:
    struct Peer {
        Fd fd;
        std::string request;  // Empty: a client that receives.
        ReplyCounter deliveries;
        std::string rest;  // The begin of a response.
        uint64_t sent_at = 0;
    };

    void open() {
        for (Fd& fd : open_websockets(options_, options_.connections)) add(std::move(fd), "");
        const std::vector<std::string> ids = ids_of(ask_for_list(options_));
        if (ids.size() < options_.connections) fail("the list lacks connections");
        for (uint32_t i = 0; i < options_.in_flight; ++i) {
            const std::string selector = to_users_ ? R"("users":[)" + names() + "]"
                                                   : R"("conn_id":")" + ids[i % ids.size()] + '"';
            add(connect_to_server(options_, i), send_request(options_, selector));
        }
        for (Peer& peer : peers_)
            if (!peer.request.empty()) send_next(peer);
    }

    std::string names() const {
        std::string all;
        for (uint32_t i = 0; i < options_.connections; ++i)
            all += (i ? ",\"" : "\"") + user_name(i) + '"';
        return all;
    }

    void add(Fd fd, std::string request) {
        Peer& peer = peers_.emplace_back();
        peer.fd = std::move(fd);
        peer.request = std::move(request);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &peer;
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peer.fd.get(), &event);
    }

    void send_next(Peer& peer) {
        peer.sent_at = now_ns();
        send_all(peer.fd, peer.request);
        ++sent_;
    }

    // Many deliveries for each request: sleeping rather than waiting in epoll, as in load_fanout.h.
    void spin(double seconds) {
        const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
        epoll_event events[256];
        while (now_ns() < end) {
            const int n = epoll_wait(epoll_.get(), events, 256, to_users_ ? 0 : 100);
            for (int i = 0; i < n; ++i) read(*static_cast<Peer*>(events[i].data.ptr));
            if (n == 0 && to_users_) nap();
        }
    }

    void drain() {
        stopping_ = true;
        const uint64_t end = now_ns() + static_cast<uint64_t>(options_.drain_seconds_max * 1e9);
        while (delivered_ < sent_ * deliveries_each_ && now_ns() < end) spin(0.01);
    }

    void read(Peer& peer) {
        const ssize_t n = recv(peer.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) fail("the server ended a connection");
        const auto count = static_cast<size_t>(n);
        if (!peer.request.empty()) return answered(peer, {buffer_.data(), count});
        const auto taken = peer.deliveries.take(delivery_, {buffer_.data(), count});
        if (*taken.wrong) fail(taken.wrong);
        delivered_ += taken.replies;
    }

    void answered(Peer& peer, std::string_view bytes) {
        if (!peer.rest.empty()) bytes = peer.rest.append(bytes);
        const HttpMessage response = http_message(bytes);
        if (!response.whole) {
            if (peer.rest.empty()) peer.rest = bytes;
            return;
        }
        if (status_of(response.head) != "200" || response.body.find(due_) == std::string_view::npos)
            fail("not what was due:\n" + std::string(bytes));
        latency_.record(now_ns() - peer.sent_at);
        peer.rest.clear();
        if (!stopping_) send_next(peer);
    }

    void report(const Usage& usage, uint64_t measured) const {
        const auto deliveries = static_cast<double>(measured);
        const uint64_t wanted = sent_ * deliveries_each_;
        if (deliveries == 0) fail("nothing was delivered");
        std::printf(
            "{\"mode\": \"%s\", \"deliveries\": %.0f, \"per_second\": %.0f, \"missing\": %llu, "
            "\"server_us\": %.4f, \"client_us\": %.4f, \"server_busy\": %.3f, "
            "\"client_busy\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
            options_.mode.c_str(), deliveries, deliveries / usage.seconds(),
            static_cast<unsigned long long>(wanted > delivered_ ? wanted - delivered_ : 0),
            usage.server_seconds() * 1e6 / deliveries, usage.client_seconds() * 1e6 / deliveries,
            usage.server_seconds() / usage.seconds(), usage.client_seconds() / usage.seconds(),
            latency_.microseconds(0.5), latency_.microseconds(0.99), latency_.microseconds(0.999));
    }

    const Options& options_;
    const bool to_users_;
    const uint64_t deliveries_each_;
    const ReplyForm delivery_;
    const std::string due_;
    const Fd epoll_;
    std::vector<char> buffer_;
    std::deque<Peer> peers_;  // Does not move its elements: epoll holds their addresses.
    uint64_t sent_ = 0, delivered_ = 0;
    bool stopping_ = false;
    Histogram latency_;  // Latency of the requests.
};

}  // namespace starling::bench
