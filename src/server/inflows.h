// server/inflows.h: the limits of what each connection of a worker sends, by the slots of the
// connections. Exists only if such a limit is on.
//
// Owner: the Worker; the EngineWorker for the sessions over polling. Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "limits/inflow.h"

namespace starling::server {

class Inflows {
public:
    explicit Inflows(const Limits& limits) noexcept
        : rates_(limits), drops_(limits.excess == Limits::Excess::drop) {}

    // A new connection has the slot.
    void begin(uint32_t slot) {
        if (slot >= inflows_.size()) inflows_.resize(slot + 64);
        inflows_[slot] = {};
    }
    // For a slot that began. False: over the limit.
    [[nodiscard]] bool takes_message(uint32_t slot, size_t bytes, uint64_t now_ms) noexcept {
        return inflows_[slot].takes_message(rates_, bytes, now_ms * ms_ns);
    }
    [[nodiscard]] bool takes_join(uint32_t slot, uint64_t now_ms) noexcept {
        return inflows_[slot].takes_join(rates_, now_ms * ms_ns);
    }
    // A message over the limit is dropped, where that is possible; else it ends the connection.
    [[nodiscard]] bool drops() const noexcept { return drops_; }

private:
    static constexpr uint64_t ms_ns = 1'000'000;

    const limits::InflowRates rates_;
    const bool drops_;
    std::vector<limits::Inflow> inflows_;
};

}  // namespace starling::server
