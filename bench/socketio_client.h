// bench/socketio_client.h: the Socket.IO connections of a load mode, over WebSocket (Engine.IO 4):
// the opening, which ends with the CONNECT of the namespace /, and the frames after it. One epoll
// set serves all connections; poll() gives their packets to the mode.
#pragma once

#include <sys/epoll.h>

#include <cstring>
#include <deque>
#include <vector>

#include "load/measure/frames.h"
#include "load/measure/socketio_packets.h"
#include "load/usage.h"
#include "options.h"
#include "sockets.h"

namespace starling::bench {

struct SocketioPeer {
    enum class State : unsigned char { upgrading, opening, joining, joined };

    Fd fd;
    State state = State::upgrading;
    std::string rest;  // The beginning of a frame, or of the response to the upgrade.
};

// `Peer` is a SocketioPeer with the members that a mode adds.
template <class Peer>
class SocketioPool {
public:
    explicit SocketioPool(const Options& options)
        : options_(options),
          request_(upgrade_request(options, path(options))),
          connect_(client_frame(false, packet::connect)),
          pong_(client_frame(false, packet::pong)),
          epoll_(epoll_create1(EPOLL_CLOEXEC)),
          buffer_(256 * 1024) {}

    // Adds a connection. The address of the Peer does not change.
    Peer& add() {
        Peer& peer = peers_.emplace_back();
        restart(peer);
        return peer;
    }

    // Closes the connection of `peer`, and opens a new one in its place.
    void restart(Peer& peer) {
        peer.fd = Fd();  // Closing the descriptor also removes it from the epoll set.
        peer.fd = connect_to_server(options_, started_++);
        peer.state = SocketioPeer::State::upgrading;
        peer.rest.clear();
        send_all(peer.fd, request_);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &peer;
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, peer.fd.get(), &event);
    }

    // Reads once from each connection that is readable, a few at a time, and answers pings. Calls
    // handler.joined(peer), which may replace the connection, and handler.message(peer, packet)
    // with a view that is valid for the call. Returns the number of readable connections.
    template <class Handler>
    int poll(int timeout_ms, Handler& handler) {
        epoll_event events[64];
        const int n = epoll_wait(epoll_.get(), events, 64, timeout_ms);
        for (int i = 0; i < n; ++i) read(*static_cast<Peer*>(events[i].data.ptr), handler);
        return n;
    }

    // Opens `count` connections, at most `at_once` at the same time, and waits for all of them.
    void open(uint32_t count, uint32_t at_once) {
        Joining handler;
        for (uint32_t started = 0; handler.count < count;) {
            for (; started < count && started - handler.count < at_once; ++started) add();
            if (poll(patience_ms, handler) <= 0) fail("the server does not answer");
        }
    }

    std::deque<Peer>& peers() noexcept { return peers_; }

    // The time at which the bytes of the current call of the handler were read.
    uint64_t now() const noexcept { return read_at_; }

private:
    static constexpr int patience_ms = 30'000;

    struct Joining {
        uint32_t count = 0;
        void joined(Peer&) noexcept { ++count; }
        void message(Peer&, std::string_view) noexcept {}
    };

    static std::string path(const Options& options) {
        return options.path == "/" ? "/socket.io/?EIO=4&transport=websocket" : options.path;
    }

    // Puts the rest of the last read in front of this read, so that every frame is contiguous.
    template <class Handler>
    void read(Peer& peer, Handler& handler) {
        const size_t have = peer.rest.size();
        if (have * 2 > buffer_.size()) fail("a frame or response does not end");
        std::memcpy(buffer_.data(), peer.rest.data(), have);
        const ssize_t n =
            recv(peer.fd.get(), buffer_.data() + have, buffer_.size() - have, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) fail("the server ended a connection");
        read_at_ = now_ns();
        const char* at = buffer_.data();
        size_t left = have + static_cast<size_t>(n);
        if (peer.state == SocketioPeer::State::upgrading) {
            const size_t header = response_bytes({at, left});
            if (header > 0) peer.state = SocketioPeer::State::opening;
            at += header;
            left -= header;
        }
        if (peer.state != SocketioPeer::State::upgrading)
            for (Frame frame = frame_at({at, left}); frame.bytes; frame = frame_at({at, left})) {
                at += frame.bytes;
                left -= frame.bytes;
                if (!take(peer, frame, handler)) return;
            }
        peer.rest.assign(at, left);
    }

    // 0 until the response is complete.
    static size_t response_bytes(std::string_view bytes) {
        const UpgradeAnswer answer = check_upgrade(bytes, {});
        if (answer.fault) fail("the server refused the upgrade:\n" + std::string(bytes));
        return answer.bytes;
    }

    // False: the connection was replaced, and nothing more may be read from the old one.
    template <class Handler>
    bool take(Peer& peer, const Frame& frame, Handler& handler) {
        using State = SocketioPeer::State;
        if (frame.op() != opcode::text) fail("a frame is no text message");
        if (peer.state == State::joined && frame.payload.size() > 1) {
            handler.message(peer, frame.payload);
        } else if (frame.payload == packet::ping) {
            send_all(peer.fd, pong_);
        } else if (peer.state == State::opening && frame.payload.starts_with(packet::open)) {
            send_all(peer.fd, connect_);
            peer.state = State::joining;
        } else if (peer.state == State::joining && frame.payload.starts_with(packet::connect)) {
            peer.state = State::joined;
            const uint32_t before = started_;
            handler.joined(peer);
            return started_ == before;
        } else {
            fail("not what was due: " + std::string(frame.payload));
        }
        return true;
    }

    const Options& options_;
    const std::string request_, connect_, pong_;
    const Fd epoll_;
    std::vector<char> buffer_;
    std::deque<Peer> peers_;  // A deque does not move its elements: epoll holds their addresses.
    uint32_t started_ = 0;
    uint64_t read_at_ = 0;
};

}  // namespace starling::bench
