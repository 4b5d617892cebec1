// bench/client_raw.cpp: a client without a library, the floor of bench/clients.py: epoll, one recv() and
// one send() for each ready socket, the lengths of frames of at most 125 bytes, and a masking key of
// getrandom() for each message. No limits, no UTF-8, no events, no other frames. `echo` alone; the
// arguments are in client_run.h.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <vector>

#include "client_run.h"

namespace {

using starling::bench::ClientRun;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int connect_to(uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::string request =
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    if (::send(fd, request.data(), request.size(), 0) != static_cast<ssize_t>(request.size()))
        fail("send");
    std::string answer;
    while (answer.find("\r\n\r\n") == std::string::npos) {
        char byte = 0;
        if (::recv(fd, &byte, 1, 0) != 1) fail("handshake");
        answer += byte;
    }
    return fd;
}

uint32_t masking_key() {
    static std::array<uint32_t, 64> keys;  // getrandom() gives up to 256 bytes whole.
    static size_t left = 0;
    if (left == 0) {
        if (::getrandom(keys.data(), sizeof keys, 0) != sizeof keys) fail("getrandom");
        left = keys.size();
    }
    return keys[--left];
}

struct Connection {
    int fd;
    size_t kept = 0;  // Bytes of a frame that has not arrived whole.
    std::array<char, 128> part;
};

class Pump {
public:
    explicit Pump(const ClientRun& run) : run_(run) {}

    // Appends one masked message to what the next send() sends.
    void add(const char* payload, size_t size) {
        const uint32_t key = masking_key();
        const size_t at = out_.size();
        out_.resize(at + 6 + size);
        char* to = out_.data() + at;
        to[0] = static_cast<char>(0x81);
        to[1] = static_cast<char>(0x80 | size);
        std::memcpy(to + 2, &key, 4);
        to += 6;
        size_t i = 0;
        for (const uint64_t twice = uint64_t{key} << 32 | key; i + 8 <= size; i += 8) {
            uint64_t word = 0;
            std::memcpy(&word, payload + i, 8);
            word ^= twice;
            std::memcpy(to + i, &word, 8);
        }
        for (; i < size; ++i)
            to[i] = static_cast<char>(payload[i] ^ reinterpret_cast<const char*>(&key)[i % 4]);
    }
    void flush(int fd) {
        if (out_.empty()) return;
        if (::send(fd, out_.data(), out_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out_.size()))
            fail("send");
        out_.clear();
    }
    // Returns the number of messages, each of which it sends back.
    uint64_t receive(Connection& connection) {
        std::memcpy(in_.data(), connection.part.data(), connection.kept);
        const ssize_t got =
            ::recv(connection.fd, in_.data() + connection.kept, in_.size() - connection.kept, 0);
        if (got <= 0) fail("recv");
        const size_t size = connection.kept + static_cast<size_t>(got);
        size_t at = 0;
        uint64_t messages = 0;
        while (size - at >= 2 && size - at >= 2 + static_cast<size_t>(in_[at + 1])) {
            const auto bytes = static_cast<size_t>(in_[at + 1]);
            add(in_.data() + at + 2, bytes);
            at += 2 + bytes;
            ++messages;
        }
        connection.kept = size - at;
        std::memcpy(connection.part.data(), in_.data() + at, connection.kept);
        flush(connection.fd);
        return messages;
    }
    void begin(Connection& connection) {
        for (int i = 0; i < run_.in_flight; ++i) add(run_.payload.data(), run_.payload.size());
        flush(connection.fd);
    }

private:
    const ClientRun& run_;
    std::vector<char> out_, in_ = std::vector<char>(65536);
};

}  // namespace

int main(int count, char** arguments) {
    const ClientRun run = starling::bench::client_run(count, arguments);
    if (!run.is("echo")) return 2;
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<Connection> connections(static_cast<size_t>(run.connections));
    Pump pump(run);
    for (Connection& connection : connections) {
        connection.fd = connect_to(run.port);
        epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, connection.fd, &event);
        pump.begin(connection);
    }
    starling::bench::ClientUsage usage;
    uint64_t messages = 0;
    bool measuring = false;
    double until =
        starling::bench::clock_seconds(CLOCK_MONOTONIC) + starling::bench::warmup_seconds;
    std::array<epoll_event, 256> events;
    for (;;) {
        const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 1000);
        for (int i = 0; i < ready; ++i)
            messages +=
                pump.receive(*static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr));
        const double now = starling::bench::clock_seconds(CLOCK_MONOTONIC);
        if (now < until) continue;
        if (measuring) break;
        measuring = true;
        until = now + run.seconds;
        usage.begin(messages);
    }
    usage.print(messages);
    return 0;
}
