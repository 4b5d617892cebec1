// bench/load_control.h: the modes `control-send` and `control-users`: requests that send a message through a
// gateway's control API, over keep-alive connections with one request on the way each. A request of
// control-send names one of the clients by its id, one after the other; that of control-users names the
// users of all. What the clients receive is counted.
#pragma once

#include <algorithm>
#include <cstdio>
#include <deque>
#include <string>
#include <vector>

#include "control_pool.h"
#include "load/measure/histogram.h"

namespace starling::bench {

class ControlLoad final : public ControlPool {
public:
    explicit ControlLoad(const Options& options)
        : ControlPool(options),
          to_users_(options.mode == "control-users"),
          deliveries_each_(to_users_ ? options.connections : 1),
          delivery_(false, message_text(options)),
          due_("\"connections\":" + std::to_string(deliveries_each_) + "}") {}

    void run() {
        open_all();
        Usage usage(options().server_pids);
        spin(options().warmup_seconds);
        latency_.clear();
        const uint64_t before = delivered_;
        usage.restart();
        spin(options().seconds);
        usage.stop();
        const uint64_t measured = delivered_ - before;
        drain();
        report(usage, measured);
    }

private:
    void open_all() {
        open(options().connections);
        const std::vector<std::string> ids = ids_of(ask(list_request()));
        if (ids.size() < options().connections) fail("the list lacks connections");
        for (uint32_t i = 0; i < options().in_flight; ++i) {
            Caller& caller = callers_.emplace_back();
            caller.request = send_request(to_users_ ? R"("users":[)" + names() + "]"
                                                    : R"("conn_id":")" + ids[i % ids.size()] + '"');
            open_caller(caller);
        }
        for (Caller& caller : callers_) send_next(caller);
    }

    std::string names() const {
        std::string all;
        for (uint32_t i = 0; i < options().connections; ++i)
            all += (i ? ",\"" : "\"") + user_name(i) + '"';
        return all;
    }

    void send_next(Caller& caller) {
        caller.sent_ns = now_ns();
        engine().send(caller, caller.request);
        ++sent_;
    }

    // Many deliveries for each request: sleeping rather than waiting in epoll, as in load/fanout.cpp.
    void spin(double seconds) {
        constexpr uint64_t wait_ns_max = 100'000'000;
        const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
        for (uint64_t now = now_ns(); now < end; now = now_ns())
            if (engine().poll(to_users_ ? 0 : std::min(wait_ns_max, end - now)) == 0 && to_users_)
                nap();
    }

    void drain() {
        stopping_ = true;
        const uint64_t end = now_ns() + static_cast<uint64_t>(options().drain_seconds_max * 1e9);
        while (delivered_ < sent_ * deliveries_each_ && now_ns() < end) spin(0.01);
    }

    void received(Peer& peer, std::span<std::byte> bytes) override {
        const auto taken = peer.replies.take(delivery_, base::text_of(bytes));
        if (*taken.wrong) fail(taken.wrong);
        if (taken.closed) fail("the server closed a connection");
        delivered_ += taken.replies;
        if (peer.replies.owes_pongs()) engine().send(peer, peer.replies.take_pongs());
    }

    void answered(Caller& caller, std::string_view body) override {
        if (caller.request.empty()) return Pool::answered(caller, body);  // The list.
        if (body.find(due_) == std::string_view::npos)
            fail("not what was due: " + std::string(body));
        latency_.record(engine().now() - caller.sent_ns);
        if (!stopping_) send_next(caller);
    }

    void report(const Usage& usage, uint64_t measured) const {
        const auto deliveries = static_cast<double>(measured);
        const uint64_t wanted = sent_ * deliveries_each_;
        if (deliveries == 0) fail("nothing was delivered");
        std::printf(
            "{\"mode\": \"%s\", \"deliveries\": %.0f, \"per_second\": %.0f, \"missing\": %llu, "
            "\"server_us\": %.4f, \"client_us\": %.4f, \"server_busy\": %.3f, "
            "\"client_busy\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
            options().mode.c_str(), deliveries, deliveries / usage.seconds(),
            static_cast<unsigned long long>(wanted > delivered_ ? wanted - delivered_ : 0),
            usage.server_seconds() * 1e6 / deliveries, usage.client_seconds() * 1e6 / deliveries,
            usage.server_seconds() / usage.seconds(), usage.client_seconds() / usage.seconds(),
            latency_.microseconds(0.5), latency_.microseconds(0.99), latency_.microseconds(0.999));
    }

    const bool to_users_;
    const uint64_t deliveries_each_;
    const ReplyForm delivery_;
    const std::string due_;
    std::deque<Caller> callers_;  // Does not move its elements.
    uint64_t sent_ = 0, delivered_ = 0;
    bool stopping_ = false;
    Histogram latency_;  // Latency of the requests.
};

}  // namespace starling::bench
