// bench/load_control_list.h: the mode `control-list`: many connections to a gateway, some of which send
// pings at a steady rate; first alone, then while the list of all connections is asked for some times in a
// second. A pong's delay counts from the moment at which its ping was due.
#pragma once

#include <cstdio>
#include <string>

#include "control_pool.h"
#include "load/measure/histogram.h"
#include "load/measure/schedule.h"

namespace starling::bench {

class ControlListLoad final : public ControlPool {
public:
    explicit ControlListLoad(const Options& options)
        : ControlPool(options),
          frame_(client_frame(false, R"({"event":"ping","data":{}})")),
          reply_(false, R"({"event":"pong"})") {
        if (options.pinging > options.connections) fail("--pinging: more than --connections");
    }

    void run() {
        open_all();
        Usage usage(options().server_pids);
        spin(options().warmup_seconds);
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
    void open_all() {
        open(options().connections);
        const std::string list = ask(list_request());
        list_bytes_ = list.size();
        if (ids_of(list).size() < options().connections) fail("the list lacks connections");
        caller_.request = list_request();
        open_caller(caller_);
    }

    void measure(Usage& usage) {
        latency_.clear();
        lists_ = 0;
        usage.restart();
        spin(options().seconds);
        usage.stop();
    }

    void spin(double seconds) {
        Schedule schedule(options().rate, 0, 1);
        uint64_t now = now_ns();
        const uint64_t end = now + static_cast<uint64_t>(seconds * 1e9);
        schedule.start(now);
        for (; now < end; now = now_ns()) {
            for (; schedule.next_ns() <= now; schedule.advance()) ping(schedule.next_ns());
            if (listing_) ask_again(now);
            if (engine().poll(0) == 0) nap(schedule.next_ns() - now);
        }
    }

    // The clients that ping are spread over all connections, for any order in which the server keeps them.
    void ping(uint64_t due) {
        const size_t step = peers().size() / options().pinging;
        Peer& peer = peers()[turn_++ % options().pinging * step];
        peer.sent.push(due);
        engine().send(peer, frame_);
    }

    // One at a time; a server that takes longer gets the next request at once.
    void ask_again(uint64_t now) {
        if (asked_ || now < next_list_) return;
        next_list_ = now + 1'000'000'000U / options().list_rate;
        engine().send(caller_, caller_.request);
        asked_ = true;
    }

    void received(Peer& peer, std::span<std::byte> bytes) override {
        const auto taken = peer.replies.take(reply_, base::text_of(bytes));
        if (*taken.wrong || taken.closed || taken.replies > peer.sent.size()) fail("not a pong");
        const uint64_t now = engine().now();
        for (uint32_t left = taken.replies; left > 0;) {
            const auto [due, count] = peer.sent.pop(left);
            latency_.record(now - due, count);
            left -= count;
        }
        if (peer.replies.owes_pongs()) engine().send(peer, peer.replies.take_pongs());
    }

    void answered(Caller& caller, std::string_view body) override {
        if (&caller != &caller_) return Pool::answered(caller, body);
        if (body.size() != list_bytes_) fail("the list has another length");
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

    const std::string frame_;
    const ReplyForm reply_;
    Caller caller_;
    bool listing_ = false, asked_ = false;
    uint64_t next_list_ = 0;
    size_t turn_ = 0, list_bytes_ = 0;
    uint64_t lists_ = 0;
    Histogram latency_;
};

}  // namespace starling::bench
