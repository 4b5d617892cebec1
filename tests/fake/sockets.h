// tests/fake/sockets.h: connected pairs of sockets, and what the peer receives, as text.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "net/socket.h"

namespace starling::fake {

// `ours` goes into the loop; `peer` stays with the test. Both are non-blocking.
struct Pair {
    net::Descriptor ours, peer;
};

inline Pair unix_pair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        throw std::runtime_error(std::strerror(errno));
    return {net::Descriptor(fds[0]), net::Descriptor(fds[1])};
}

inline net::Address address(std::string_view text) {
    const auto parsed = net::Address::parse(text);
    if (!parsed) throw std::runtime_error(parsed.error());
    return *parsed;
}

inline net::Descriptor listen_at(std::string_view text) {
    auto fd = net::listen_on(address(text), false);
    if (!fd) throw std::runtime_error(fd.error());
    return *std::move(fd);
}

// A port that is free at 127.0.0.1 and at 127.0.0.2. The kernel does not give it to other sockets in the
// meantime: it is below net.ipv4.ip_local_port_range.
inline uint16_t port_of_two() {
    static std::atomic<unsigned> next{static_cast<unsigned>(::getpid())};
    for (int tries = 0; tries < 1000; ++tries) {
        const unsigned port = 20'000 + next++ % 12'000;
        const std::string text = ":" + std::to_string(port);
        if (net::check_is_free(address("127.0.0.1" + text)) &&
            net::check_is_free(address("127.0.0.2" + text)))
            return static_cast<uint16_t>(port);
    }
    throw std::runtime_error("no port is free at two addresses");
}

// Starts a connection without waiting; on loopback it is established when this returns.
inline net::Descriptor connect_to(int listening_fd) {
    const auto where = net::local_address(listening_fd).value();
    net::Descriptor fd(::socket(where.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), where.data(), where.size()) != 0 && errno != EINPROGRESS)
        throw std::runtime_error(std::strerror(errno));
    return fd;
}

inline bool wait_for(int fd, short events, int timeout_ms = 5000) {
    pollfd entry{fd, events, 0};
    int found = 0;
    while ((found = ::poll(&entry, 1, timeout_ms)) < 0 && errno == EINTR) {}
    return found == 1;
}

inline Pair tcp_pair(std::string_view address_text = "127.0.0.1:0") {
    const net::Descriptor listening = listen_at(address_text);
    net::Descriptor peer = connect_to(listening.get());
    if (!wait_for(listening.get(), POLLIN)) throw std::runtime_error("nobody connected");
    net::Descriptor ours(
        ::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!ours) throw std::runtime_error(std::strerror(errno));
    return {std::move(ours), std::move(peer)};
}

inline void set_buffer(const net::Descriptor& fd, int which, int bytes) {
    ::setsockopt(fd.get(), SOL_SOCKET, which, &bytes, sizeof bytes);
}

inline size_t send_text(const net::Descriptor& fd, std::string_view text) {
    const ssize_t sent = ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return sent > 0 ? size_t(sent) : 0;
}

// Reads what is available. A trailing "<end>" or "<reset>" tells how the other side closed.
inline std::string receive_text(const net::Descriptor& fd, size_t bytes_max = SIZE_MAX) {
    std::string text;
    char buffer[65536];
    while (text.size() < bytes_max) {
        const size_t want = std::min(sizeof buffer, bytes_max - text.size());
        const ssize_t size = ::recv(fd.get(), buffer, want, MSG_DONTWAIT);
        if (size == 0) return text + "<end>";
        if (size < 0) return errno == EAGAIN ? text : text + "<reset>";
        text.append(buffer, size_t(size));
    }
    return text;
}

// Closes with RST (TCP).
inline void reset(net::Descriptor fd) { net::close_with_reset(std::move(fd)); }

// Runs the loop until `done` is true; false if that takes more than a few seconds.
inline bool run_until(net::Loop& loop, const std::function<bool()>& done, int ticks_max = 2000) {
    for (int i = 0; i < ticks_max; ++i) {
        if (done()) return true;
        loop.run_once(5);
    }
    return done();
}

// How many waits it takes until that time is over. One would do, but a signal may end it: the kernel sends one
// when it frees an io_uring.
inline int waits_within(net::Backend& backend, std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    int waits = 0;
    for (; std::chrono::steady_clock::now() < end; ++waits) backend.wait(40);
    return waits;
}

// Runs ticks that do not wait.
inline void run_ticks(net::Loop& loop, int ticks) {
    for (int i = 0; i < ticks; ++i) loop.run_once(0);
}

}  // namespace starling::fake
