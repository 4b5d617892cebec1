// bench/load_socketio_polling.h: the mode `socketio-polling`: sessions over HTTP long-polling, each
// on one keep-alive connection. A session repeats a POST with one event and the GET that returns
// the ack.
#pragma once

#include <sys/epoll.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "http_message.h"
#include "load/measure/histogram.h"
#include "load/usage.h"
#include "options.h"
#include "socketio_client.h"
#include "sockets.h"

namespace starling::bench {

class SocketioPollingLoad {
public:
    explicit SocketioPollingLoad(const Options& options)
        : options_(options),
          path_(options.path == "/" ? "/socket.io/?EIO=4&transport=polling" : options.path),
          event_(packet::event_text(id, "echo", std::string(options.payload_bytes, 'x'))),
          ack_(packet::ack_text(id, std::string(options.payload_bytes, 'x'))),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          peers_(options.connections),
          buffer_(256 * 1024) {}

    void run() {
        for (uint32_t i = 0; i < options_.connections; ++i) start(peers_[i], i);
        while (joined_ < options_.connections)
            if (poll(30'000) <= 0) fail("the server does not answer");
        Usage usage(options_.server_pids);
        spin(options_.warmup_seconds);
        latency_.clear();
        usage.restart();
        spin(options_.seconds);
        usage.stop();
        report(usage);
    }

private:
    static constexpr std::string_view id = "1000";
    static constexpr char separator = '\x1e';  // Separates the packets of a payload.

    enum class Step : unsigned char { opening, posting, getting };

    struct Peer {
        Fd fd;
        Step step = Step::opening;
        bool joined = false;
        bool owes_pong = false;
        uint64_t sent_at = 0;
        std::string rest;              // The beginning of a response.
        std::string get, post, pongs;  // Requests; `pongs` sends a pong before the event.
    };

    void start(Peer& peer, uint32_t index) {
        peer.fd = connect_to_server(options_, index);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &peer;
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peer.fd.get(), &event);
        request(peer, Step::opening, "GET " + path_ + host() + "\r\n");
    }

    std::string host() const {
        return " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options_.port) + "\r\n";
    }

    std::string post(const std::string& path, const std::string& body) const {
        return "POST " + path + host() + "Content-Type: text/plain;charset=UTF-8\r\n" +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    void request(Peer& peer, Step step, std::string_view bytes) {
        peer.step = step;
        peer.sent_at = now_ns();
        send_all(peer.fd, bytes);
    }

    int poll(int timeout_ms) {
        epoll_event events[64];
        const int n = epoll_wait(epoll_.get(), events, 64, timeout_ms);
        for (int i = 0; i < n; ++i) read(*static_cast<Peer*>(events[i].data.ptr));
        return n;
    }

    void spin(double seconds) {
        const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
        while (now_ns() < end) poll(100);
    }

    // One request at a time is in flight, so nothing follows a response.
    void read(Peer& peer) {
        const ssize_t n = recv(peer.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) fail("the server ended a connection");
        std::string_view bytes(buffer_.data(), static_cast<size_t>(n));
        if (!peer.rest.empty()) bytes = peer.rest.append(bytes);
        const HttpMessage response = http_message(bytes);
        if (!response.whole) {
            if (peer.rest.empty()) peer.rest = bytes;
            return;
        }
        if (status_of(response.head) != "200") fail("not what was due:\n" + std::string(bytes));
        latency_.record(now_ns() - peer.sent_at);
        answer(peer, response.body);
        peer.rest.clear();
    }

    void answer(Peer& peer, std::string_view body) {
        switch (peer.step) {
            case Step::opening: opened(peer, body); break;
            case Step::posting:
                if (body != "ok") fail("not the answer to a POST: " + std::string(body));
                request(peer, Step::getting, peer.get);
                break;
            case Step::getting: got(peer, body); break;
        }
    }

    void opened(Peer& peer, std::string_view body) {
        constexpr std::string_view mark = "\"sid\":\"";
        const size_t begin = body.find(mark);
        if (!body.starts_with(packet::open) || begin == std::string_view::npos)
            fail("not an open packet: " + std::string(body));
        const std::string_view from = body.substr(begin + mark.size());
        const std::string path = path_ + "&sid=" + std::string(from.substr(0, from.find('"')));
        peer.get = "GET " + path + host() + "\r\n";
        peer.post = post(path, event_);
        peer.pongs = post(path, std::string(packet::pong) + separator + event_);
        request(peer, Step::posting, post(path, std::string(packet::connect)));
    }

    void got(Peer& peer, std::string_view body) {
        bool due = false;
        while (!body.empty()) {
            const size_t end = std::min(body.find(separator), body.size());
            const std::string_view one = body.substr(0, end);
            if (peer.joined ? one == ack_ : one.starts_with(packet::connect))
                due = true;
            else if (one == packet::ping)
                peer.owes_pong = true;
            else
                fail("not what was due: " + std::string(one));
            body.remove_prefix(std::min(end + 1, body.size()));
        }
        if (!due) return request(peer, Step::getting, peer.get);
        if (!peer.joined) ++joined_;
        peer.joined = true;
        request(peer, Step::posting, peer.owes_pong ? peer.pongs : peer.post);
        peer.owes_pong = false;
    }

    void report(const Usage& usage) const {
        const auto requests = static_cast<double>(latency_.total());
        if (requests == 0) fail("no request was answered");
        std::printf(
            "{\"mode\": \"socketio-polling\", \"requests\": %.0f, \"per_second\": %.0f, "
            "\"server_us\": %.4f, \"client_us\": %.4f, \"server_busy\": %.3f, "
            "\"client_busy\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f}\n",
            requests, requests / usage.seconds(), usage.server_seconds() * 1e6 / requests,
            usage.client_seconds() * 1e6 / requests, usage.server_seconds() / usage.seconds(),
            usage.client_seconds() / usage.seconds(), latency_.microseconds(0.5),
            latency_.microseconds(0.99), latency_.microseconds(0.999));
    }

    const Options& options_;
    const std::string path_, event_, ack_;
    const Fd epoll_;
    std::deque<Peer> peers_;
    std::vector<char> buffer_;
    uint32_t joined_ = 0;
    Histogram latency_;
};

}  // namespace starling::bench
