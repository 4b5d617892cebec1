// bench/events_floor.cpp: what the kernel alone costs to push an event to everybody: a loop of send()
// over all connections. It knows just enough of RFC 6455 to be talked to: every request gets the
// answer to the load generator's constant key, and every frame that comes, a text below 126 bytes
// masked with zero, goes to all other connections.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "listen.h"

namespace {

using starling::bench::accept_from;
using starling::bench::listen_on;
using starling::bench::watch;

constexpr std::string_view accepted =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

void send_to_all(const std::vector<int>& all, int but, std::string_view payload) {
    std::string frame{char(0x81), char(payload.size())};
    frame += payload;
    for (const int fd : all)
        if (fd != but) (void)!send(fd, frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

int main(int argc, char** argv) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const int listener = listen_on(static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 9000));
    if (listener < 0) return std::perror("events_floor"), 1;
    const int epoll = epoll_create1(0);
    watch(epoll, listener);
    std::vector<int> all;
    char buffer[64 * 1024];
    epoll_event events[256];
    for (;;) {
        const int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; ++i) {
            const int fd = events[i].data.fd;
            if (fd == listener) {
                const int peer = accept_from(listener);
                watch(epoll, peer);
                all.push_back(peer);
                continue;
            }
            const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
            if (n <= 0) {
                std::erase(all, fd);
                close(fd);
                continue;
            }
            std::string_view input(buffer, size_t(n));
            if (input.starts_with("GET ")) {
                (void)!send(fd, accepted.data(), accepted.size(), MSG_NOSIGNAL);
                continue;
            }
            while (input.size() > 6 && input[0] == char(0x81)) {
                const size_t size = uint8_t(input[1]) & 127U;
                send_to_all(all, fd, input.substr(6, size));
                input.remove_prefix(std::min(input.size(), 6 + size));
            }
        }
    }
}
