// bench/floor.cpp: what the kernel alone costs: returns the bytes it gets, without a protocol.
// Level-triggered epoll; one receive and one send for each socket that is ready.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "listen.h"

using namespace starling::bench;

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
                watch(epoll, accept_from(listener));
                continue;
            }
            const ssize_t n = recv(fd, buffer.data(), buffer.size(), 0);
            if (n <= 0 || !send_whole(fd, buffer.data(), static_cast<size_t>(n))) close(fd);
        }
    }
}
