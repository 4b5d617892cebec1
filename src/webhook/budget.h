// webhook/budget.h: a limit on the memory of the waiting webhooks of all connections together.
//
// Owner: the gateway; it lives longer than the workers. Thread: any.
#pragma once

#include <atomic>
#include <cstddef>

namespace starling::webhook {

class Budget {
public:
    static constexpr size_t bytes_max_default = size_t{256} << 20;

    explicit Budget(size_t bytes_max = bytes_max_default) noexcept : bytes_max_(bytes_max) {}
    Budget(const Budget&) = delete;
    Budget& operator=(const Budget&) = delete;

    // Always counts, even beyond the limit: callers stop reading by has_room().
    void take(size_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
    void give_back(size_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }

    // False: new clients get 503, and connections with queued webhooks are not read.
    [[nodiscard]] bool has_room() const noexcept { return used() < bytes_max_; }
    [[nodiscard]] size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

private:
    const size_t bytes_max_;
    std::atomic<size_t> used_{0};
};

}  // namespace starling::webhook
