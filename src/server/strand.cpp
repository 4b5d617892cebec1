#include "server/strand.h"

#include <algorithm>
#include <utility>

#include "server/worker.h"

namespace starling::server {

void WorkerStrand::post(std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    if (worker_) worker_->post(std::move(call));
}

uint64_t WorkerStrand::after(std::chrono::milliseconds delay, std::function<void()> call) {
    if (!worker_) return 0;
    return worker_->loop().after(static_cast<uint64_t>(std::max<int64_t>(delay.count(), 0)),
                                 std::move(call));
}

void WorkerStrand::cancel(uint64_t timer) noexcept {
    if (worker_) worker_->loop().cancel_timer(timer);
}

void WorkerStrand::log_exception(std::string_view where, std::string_view what) {
    if (worker_) worker_->log_exception(where, what);
}

void WorkerStrand::detach() noexcept {
    const std::lock_guard lock(mutex_);
    worker_ = nullptr;
}

}  // namespace starling::server
