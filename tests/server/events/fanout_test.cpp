// 15,000 listeners of one channel, in a process of their own: each gets every event except those
// that the interval drops. The system's limit of descriptors may reduce the number of listeners.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tests/server/events/fixture.h"

namespace starling::server::test {
namespace {

constexpr size_t listeners_wanted = 15'000, descriptors_spare = 600;
constexpr int rounds = 4;
constexpr std::string_view channel = "ArticleMessage1";

size_t listeners_possible() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlim_t wanted = listeners_wanted + descriptors_spare;
    if (limit.rlim_max < wanted) {  // A privileged process can raise the hard limit.
        const rlimit higher{wanted, wanted};
        if (::setrlimit(RLIMIT_NOFILE, &higher) == 0) limit = higher;
    }
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return std::min(listeners_wanted, size_t(limit.rlim_cur) - descriptors_spare);
}

struct Pipe {
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
        out = net::Descriptor(ends[0]), in = net::Descriptor(ends[1]);
    }
    template <class T>
    bool give(T value) const {
        return ::write(in.get(), &value, sizeof value) == sizeof value;
    }
    template <class T>
    [[nodiscard]] bool take(T& value) const {
        return ::read(out.get(), &value, sizeof value) == sizeof value;
    }
    net::Descriptor out, in;
};

// The text frame of an event of at most 125 bytes.
std::string frame_of(const std::string& event) {
    const std::string text = "WS Server Event:" + event;
    return std::string{char(0x81), char(text.size())} + text;
}

int listen_socket(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return -1;
    const std::string request = upgrade_request("/ws/ServerEvent?Ref=" + std::string(channel));
    if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) != ssize_t(request.size()))
        return -1;
    std::string head;
    char byte = 0;
    while (!head.ends_with("\r\n\r\n") && ::recv(fd, &byte, 1, 0) == 1) head += byte;
    return head.starts_with("HTTP/1.1 101") ? fd : -1;
}

struct Listener {
    int fd;
    std::string raw, got = {};

    // Reads what arrived and answers pings: on a slow machine the last listener connects long after
    // the first.
    bool receive() {
        char buffer[1024];
        const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
        if (size <= 0) return false;
        raw.append(buffer, size_t(size));
        while (raw.size() >= 2 && raw.size() >= 2u + uint8_t(raw[1])) {
            const std::string frame = raw.substr(0, 2u + uint8_t(raw[1]));
            raw.erase(0, frame.size());
            if (frame[0] != char(0x89)) {
                got += frame;
                continue;
            }
            const std::string pong = masked_frame(ws::Opcode::pong, frame.substr(2));
            if (::send(fd, pong.data(), pong.size(), MSG_NOSIGNAL) != ssize_t(pong.size()))
                return false;
        }
        return true;
    }
};

// The process of the listeners. Returns 0 if each of them got exactly `expected`.
int listen(size_t count, uint16_t port, const std::string& expected, const Pipe& ready) {
    std::vector<Listener> all;
    size_t done = 0;
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    // Returns the number of events, or a negative number if one of them was wrong.
    const auto receive = [&](int timeout_ms) {
        epoll_event events[256];
        const int n = ::epoll_wait(epoll, events, 256, timeout_ms);
        for (const epoll_event& event : std::span(events).first(size_t(std::max(n, 0)))) {
            Listener& listener = all[event.data.u64];
            const size_t before = listener.got.size();
            if (!listener.receive() || !expected.starts_with(listener.got)) return -1;
            done += listener.got.size() > before && listener.got == expected;
        }
        return n;
    };
    for (size_t i = 0; i < count; ++i) {
        const int fd = listen_socket(port);
        if (fd < 0) return std::fprintf(stderr, "listener %zu: no connection\n", i), 1;
        all.push_back({fd, ""});
        epoll_event event{EPOLLIN, {.u64 = i}};
        if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) return 2;
        int events = i % 64 == 0 ? 1 : 0;
        while (events > 0) events = receive(0);
        if (events < 0) return std::fprintf(stderr, "listener %zu: something wrong came\n", i), 5;
    }
    if (!ready.give('r')) return 3;
    while (done < count)
        if (receive(wait_s_max * 1000) <= 0)
            return std::fprintf(stderr, "%zu listeners still wait\n", count - done), 4;
    return 0;
}

// Publishes two events in one request, so in one tick. Returns the result of each.
std::string publish_two(EventServer& t, const std::string& first, const std::string& second) {
    const std::string front = R"({"channel":"ArticleMessage1","event":")";
    return t.publish("[" + front + first + "\"}," + front + second + "\"}]");
}

std::string answer_of(size_t delivered_first, size_t limited_first, size_t limited_second) {
    return "200 [{\"delivered\":" + std::to_string(delivered_first) +
           ",\"limited\":" + std::to_string(limited_first) +
           "},{\"delivered\":0,\"limited\":" + std::to_string(limited_second) + "}]";
}

TEST(EventsFanout, FifteenThousandListenersLoseOnlyWhatTheLimitDrops) {
    const size_t count = listeners_possible();
    if (count < listeners_wanted)
        std::printf("%zu listeners: the limit of descriptors allows no more\n", count);
    RecordProperty("listeners", int(count));
    std::string expected;
    for (int round = 0; round < rounds; ++round)
        expected += frame_of("kept" + std::to_string(round));
    Pipe port, ready;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        uint16_t number = 0;
        ::_exit(port.take(number) ? listen(count, number, expected, ready) : 9);
    }
    EventServer t;
    t.start();
    ASSERT_TRUE(port.give(t.port()));
    ready.in = {};  // If the child ends early, the read ends, too.
    char sign = 0;
    ASSERT_TRUE(ready.take(sign));
    for (int round = 0; round < rounds; ++round) {
        // During the interval after the previous round an event reaches no listener; after it, all.
        const std::string event = "kept" + std::to_string(round);
        EXPECT_TRUE(eventually([&] {
            const std::string answer = publish_two(t, event, "dropped");
            if (answer == answer_of(0, count, count)) return false;
            EXPECT_EQ(answer, answer_of(count, 0, count));
            return true;
        })) << event;
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_TRUE(t.all_gone());
}

}  // namespace
}  // namespace starling::server::test
