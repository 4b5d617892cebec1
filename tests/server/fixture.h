// tests/server/fixture.h: a server on a free port of the loopback address, its log, and a
// transcript that handlers write and tests wait for.
#pragma once

#include <poll.h>
#include <starling/server.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/server/client.h"

namespace starling::server::test {

using namespace std::chrono_literals;

// Any thread adds lines; a test waits for them.
class Transcript {
public:
    void add(std::string line) {
        const std::lock_guard lock(mutex_);
        lines_.push_back(std::move(line));
        changed_.notify_all();
    }
    // False if the line does not come in time.
    bool wait_for(std::string_view line, size_t times = 1) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(wait_s_max),
                                 [&] { return count_of(line) >= times; });
    }
    [[nodiscard]] size_t count(std::string_view line) {
        const std::lock_guard lock(mutex_);
        return count_of(line);
    }
    [[nodiscard]] std::string text() {
        const std::lock_guard lock(mutex_);
        std::string all;
        for (const auto& line : lines_) all.append(all.empty() ? "" : ", ").append(line);
        return all;
    }

private:
    [[nodiscard]] size_t count_of(std::string_view wanted) const {
        size_t found = 0;
        for (const auto& line : lines_) found += line == wanted;
        return found;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> lines_;
};

class MemoryLog final : public log::Sink {
public:
    bool wants(log::Level level) const noexcept override { return level >= log::Level::info; }
    void write(log::Level, std::string_view message,
               std::span<const log::Field> fields) noexcept override {
        std::string line(message);
        for (const auto& field : fields) {
            const auto* text = std::get_if<std::string_view>(&field.value);
            const auto* number = std::get_if<int64_t>(&field.value);
            if (text) line.append(" ").append(*text);
            if (number) line.append(" ").append(std::to_string(*number));
        }
        lines.add(std::move(line));
    }
    Transcript lines;
};

// For changes without an event, such as a counter that another thread changes.
template <class F>
[[nodiscard]] bool eventually(F&& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(wait_s_max);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

// A loopback address of this process alone: no other process takes a port of it that is free again.
inline std::string own_address() {
    const auto id = static_cast<unsigned>(::getpid());
    return "127." + std::to_string(100 + (id >> 16 & 63)) + "." + std::to_string(id >> 8 & 255) +
           "." + std::to_string(id & 255);
}

struct TestServer {
    explicit TestServer(ServerOptions options = {}) : server(with_defaults(std::move(options))) {}

    TestServer& start() {
        server.start();
        return *this;
    }
    [[nodiscard]] uint16_t port() const { return server.port(); }
    [[nodiscard]] ServerStats stats() const { return server.stats(); }
    // Every connection that the clients closed is gone and counted as gone.
    [[nodiscard]] bool all_gone() const {
        return eventually([&] {
            const auto now = stats();
            return now.connections_open == 0 && now.websockets_open == 0;
        });
    }

    std::shared_ptr<MemoryLog> log = std::make_shared<MemoryLog>();
    Transcript events;
    Server server;

private:
    ServerOptions with_defaults(ServerOptions options) {
        if (options.listen.front().address == "127.0.0.1:8080") options.listen = "127.0.0.1:0";
        if (options.workers == 0) options.workers = 1;
        // On a busy machine a test must not look like a slow client. Tests of these limits set
        // them.
        const auto lengthen = [](std::chrono::milliseconds& limit, auto normal) {
            if (limit == normal) limit = 1h;
        };
        const ServerOptions normal;
        lengthen(options.stalled_timeout, normal.stalled_timeout);
        lengthen(options.drain_timeout, normal.drain_timeout);
        lengthen(options.http.head_timeout, normal.http.head_timeout);
        lengthen(options.http.request_timeout, normal.http.request_timeout);
        lengthen(options.http.keep_alive_timeout, normal.http.keep_alive_timeout);
        options.log = log;
        return options;
    }
};

}  // namespace starling::server::test
