// server/strand.h: lets coroutines run on their worker's thread; implements detail::Strand.
//
// Owner: the Worker, the coroutines, and the results that they await. Thread: as detail::Strand
//        says.
#pragma once

#include <starling/async.h>

#include <functional>
#include <mutex>
#include <string_view>

#include "base/cache_line.h"

namespace starling::server {

class Worker;

class alignas(base::cache_line_bytes) WorkerStrand final : public detail::Strand {
public:
    explicit WorkerStrand(Worker& worker) noexcept : worker_(&worker) {}

    void post(std::function<void()> call) override;
    uint64_t after(std::chrono::milliseconds delay, std::function<void()> call) override;
    void cancel(uint64_t timer) noexcept override;
    void log_exception(std::string_view where, std::string_view what) override;
    // The worker has ended; later posts do nothing.
    void detach() noexcept;

private:
    std::mutex mutex_;  // Other threads may post while the worker ends.
    Worker* worker_;
};

}  // namespace starling::server
