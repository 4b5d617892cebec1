// server/counters.h: the counters of one worker.
//
// Thread: the worker writes, any thread reads. There is one writer, so an increment is a load and a
//         store, not a locked instruction.
#pragma once

#include <atomic>
#include <cstdint>

namespace starling::server {

class Counter {
public:
    void add(uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void subtract(uint64_t n = 1) noexcept { add(~n + 1); }
    [[nodiscard]] uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<uint64_t> value_{0};
};

struct Counters {
    Counter connections_open, connections_accepted, connections_refused, connections_stalled;
    Counter requests;
    Counter websockets_open, websockets_opened;
    Counter messages_received, messages_sent, messages_dropped;
    Counter handler_exceptions, protocol_errors;
};

}  // namespace starling::server
