// load/load_test.h: runs a Plan on threads of its own.
//
//     LoadTest test(plan);
//     if (auto error = test.start()) return tell(*error);
//     while (!test.wait(500)) show(test.live());
//     print(text_of(test.finish()));
//
// Owner: the caller. Thread: the caller's, except stop().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "load/endpoint.h"
#include "load/fanout.h"
#include "load/measure/report.h"
#include "load/plan.h"
#include "load/worker.h"

namespace starling::load {

class LoadTest {
public:
    explicit LoadTest(Plan plan);
    ~LoadTest();  // Stops the test.
    LoadTest(const LoadTest&) = delete;
    LoadTest& operator=(const LoadTest&) = delete;

    // Raises the limit of descriptors, looks names up, and starts the threads.
    [[nodiscard]] std::optional<EndpointError> start();
    // Any thread, also a signal handler: the test ends soon, with what was measured.
    void stop() noexcept { shared_.stop.store(true, std::memory_order_relaxed); }
    // Blocks until the test has ended, at most for this time. True: it has ended.
    [[nodiscard]] bool wait(uint32_t milliseconds);

    struct Seen {
        Phase phase = Phase::open;
        uint64_t count = 0, errors = 0;
        uint32_t open = 0;
    };
    [[nodiscard]] Seen live() const noexcept;
    // Once, after wait() returned true; without a start(), a report of `error` alone.
    [[nodiscard]] Report finish();
    [[nodiscard]] Report failed(const EndpointError& error) const;

private:
    [[nodiscard]] std::optional<EndpointError> find_places();
    void use_socketio(Upgrade& upgrade) const;
    [[nodiscard]] std::unique_ptr<Worker> make_worker(uint32_t number);
    [[nodiscard]] Report head() const;

    const Plan plan_;
    Places places_;
    Shared shared_;
    Published published_;
    int64_t server_bytes_before_ = 0;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::mutex mutex_;
    std::condition_variable ended_;
    uint32_t running_ = 0;  // Under mutex_.
    std::vector<std::jthread> threads_;
};

}  // namespace starling::load
