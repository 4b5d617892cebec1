// bench/starling_topics.cpp: what a join and a leave cost beside many topics, for bench/curves.py. The message `N`
// (of Socket.IO: the event `measure` with "N") first makes the sockets join until there are N topics, spread over
// all sockets; then topics picked from all over the N are left and joined again, until enough time is measured. The
// answer is "JOIN LEAVE": nanoseconds of CPU time, each. `starling_topics PORT`.
#include <starling/server.h>
#include <starling/socketio.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sio = starling::sio;
namespace ws = starling::ws;

namespace {

constexpr size_t picked_max = 1'000;
constexpr size_t stride = 7'919;              // A prime: the picked topics are far from each other.
constexpr uint64_t measured_ns = 50'000'000;  // Of both together.
constexpr size_t rounds_min = 5;

uint64_t cpu_ns() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

template <class Socket>
class Crowd {
public:
    void add(Socket socket) { sockets_.push_back(std::move(socket)); }

    std::string measure(size_t wanted) {
        for (; topics_ < wanted; ++topics_) static_cast<void>(owner(topics_).join(name(topics_)));
        uint64_t join_ns = 0, leave_ns = 0;
        size_t count = 0;
        for (size_t round = 0; round < rounds_min || join_ns + leave_ns < measured_ns; ++round) {
            const auto picked = pick();
            const uint64_t start = cpu_ns();
            for (const auto& [index, topic] : picked) static_cast<void>(owner(index).leave(topic));
            const uint64_t left = cpu_ns();
            for (const auto& [index, topic] : picked) static_cast<void>(owner(index).join(topic));
            join_ns += cpu_ns() - left;
            leave_ns += left - start;
            count += picked.size();
        }
        return std::to_string(join_ns / count) + ' ' + std::to_string(leave_ns / count);
    }

private:
    static std::string name(size_t index) { return "topic-" + std::to_string(index); }
    const Socket& owner(size_t index) const { return sockets_[index % sockets_.size()]; }

    std::vector<std::pair<size_t, std::string>> pick() {
        std::vector<std::pair<size_t, std::string>> picked(std::min(topics_, picked_max));
        for (auto& [index, topic] : picked) {
            index = next_ = (next_ + stride) % topics_;
            topic = name(index);
        }
        return picked;
    }

    std::vector<Socket> sockets_;
    size_t topics_ = 0, next_ = 0;
};

size_t count_of(std::string_view text) {
    return std::strtoull(std::string(text).c_str(), nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string port = argc > 1 ? argv[1] : "9001";
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = 1});
    Crowd<ws::Socket> topics;
    Crowd<sio::Socket> rooms;
    server.websocket(
        "/", {.topics_max = UINT32_MAX,
              .ping_interval = std::chrono::milliseconds(0),
              .open = [&](ws::Socket socket) { topics.add(socket); },
              .message =
                  [&](ws::Socket socket, ws::Message message) {
                      static_cast<void>(socket.send(topics.measure(count_of(message.text()))));
                  }});
    sio::Options quiet;
    quiet.ping_interval = std::chrono::hours(1);  // The clients listen only to the answers.
    server.socketio(quiet).on_connection([&](sio::Socket socket) {
        rooms.add(socket);
        socket.on("measure", [&](std::string count) { return rooms.measure(count_of(count)); });
    });
    return server.run();
}
