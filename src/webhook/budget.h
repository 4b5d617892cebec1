// webhook/budget.h: the memory that waiting webhooks of all connections may take together.
//
// Owner: the gateway; outlives its workers. Thread: any.
#pragma once

#include <atomic>
#include <cstddef>

namespace starling::webhook {

class Budget {
public:
    static constexpr size_t bytes_max_default = size_t(256) << 20;

    explicit Budget(size_t bytes_max = bytes_max_default) noexcept : bytes_max_(bytes_max) {}
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;

    // What waits is always counted, beyond the bound too: has_room() says when to take no more.
    void take(size_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
    void give_back(size_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }

    // Where not: new clients get 503, and a connection with something in its queue is not read.
    [[nodiscard]] bool has_room() const noexcept { return used() < bytes_max_; }
    [[nodiscard]] size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

private:
    const size_t bytes_max_;
    std::atomic<size_t> used_{0};
};

}  // namespace starling::webhook
