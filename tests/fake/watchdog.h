// tests/fake/watchdog.h: ends the test program with the name of a call that does not return.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace starling::fake {

// A turn is the time between two calls of turn(); with a worker, one turn of its loop.
class Watchdog {
public:
    explicit Watchdog(std::chrono::seconds turn_max)
        : turn_max_(turn_max), thread_([this] { watch(); }) {}
    ~Watchdog() {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    void turn() {
        const std::lock_guard lock(mutex_);
        ++turns_;
    }
    void begin(std::string name) {
        const std::lock_guard lock(mutex_);
        name_ = std::move(name);
        turns_ = 0;
        ++scenarios_;
    }
    [[nodiscard]] size_t turns() {
        const std::lock_guard lock(mutex_);
        return turns_;
    }

private:
    void watch() {
        std::unique_lock lock(mutex_);
        while (!ended_) {
            const auto before = std::pair(scenarios_, turns_);
            changed_.wait_for(lock, turn_max_);
            if (ended_ || before != std::pair(scenarios_, turns_)) continue;
            std::fprintf(stderr, "watchdog: no turn ends: %s\n", name_.c_str());
            std::abort();
        }
    }

    const std::chrono::seconds turn_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string name_;
    size_t scenarios_ = 0, turns_ = 0;
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace starling::fake
