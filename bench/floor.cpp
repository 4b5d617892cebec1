// bench/floor.cpp: what the kernel alone costs: returns the bytes it gets, without a protocol.
// Level-triggered epoll; one receive and one send for each socket that is ready.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

int listen_on(uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || listen(fd, 4096) < 0)
        return -1;
    return fd;
}

void watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

// A reply that does not fit is sent when it does: the peer reads, so this never waits for long.
bool send_whole(int fd, const char* bytes, size_t count) {
    while (count > 0) {
        const ssize_t n = send(fd, bytes, count, MSG_NOSIGNAL);
        if (n < 0) return false;
        bytes += n;
        count -= static_cast<size_t>(n);
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    const int listener = listen_on(static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 9000));
    if (listener < 0) return std::perror("floor"), 1;
    const int epoll = epoll_create1(0);
    watch(epoll, listener);
    std::vector<char> buffer(256 * 1024);
    epoll_event events[256];
    for (;;) {
        const int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; ++i) {
            const int fd = events[i].data.fd;
            if (fd == listener) {
                const int peer = accept(listener, nullptr, nullptr);
                const int on = 1;
                setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(epoll, peer);
                continue;
            }
            const ssize_t n = recv(fd, buffer.data(), buffer.size(), 0);
            if (n <= 0 || !send_whole(fd, buffer.data(), static_cast<size_t>(n))) close(fd);
        }
    }
}
