// server/inflows.h: the limits of what each connection of a worker sends, by the slots of the
// connections. Exists only if such a limit is on.
//
// Owner: the Worker; the EngineWorker for the sessions over polling. Thread: the worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "limits/inflow.h"

namespace starling::server {

class Inflows {
public:
    explicit Inflows(const Limits& limits) noexcept
        : rates_(limits), drops_(limits.excess == Limits::Excess::drop) {}

    // Makes them, if one is on, or gives them other limits. Connections that have begun go on.
    static void change(std::unique_ptr<Inflows>& inflows, const Limits& limits) {
        if (!inflows && !limits::InflowRates(limits).is_on()) return;
        auto next = std::make_unique<Inflows>(limits);
        if (inflows) next->inflows_ = std::move(inflows->inflows_);
        inflows = std::move(next);
    }

    // A new connection has the slot.
    void begin(uint32_t slot) { at(slot) = {}; }
    // False: over the limit.
    [[nodiscard]] bool takes_message(uint32_t slot, size_t bytes, uint64_t now_ms) {
        return at(slot).takes_message(rates_, bytes, now_ms * ms_ns);
    }
    [[nodiscard]] bool takes_join(uint32_t slot, uint64_t now_ms) {
        return at(slot).takes_join(rates_, now_ms * ms_ns);
    }
    // A message over the limit is dropped, where that is possible; else it ends the connection.
    [[nodiscard]] bool drops() const noexcept { return drops_; }

private:
    static constexpr uint64_t ms_ns = 1'000'000;

    // Of a connection that began before the limits were on as well.
    limits::Inflow& at(uint32_t slot) {
        if (slot >= inflows_.size()) inflows_.resize(slot + 64);
        return inflows_[slot];
    }

    const limits::InflowRates rates_;
    const bool drops_;
    std::vector<limits::Inflow> inflows_;
};

}  // namespace starling::server
