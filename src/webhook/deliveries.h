// webhook/deliveries.h: what the Deliveries of one worker share: options, the budget, and the list of those whose
// client is gone.
//
// Owner: the worker's part of the gateway. Thread: that worker's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/intrusive_list.h"
#include "webhook/budget.h"
#include "webhook/retry.h"

namespace starling::webhook {

class Backlog;
class Delivery;

struct DeliveryOptions {
    // Of one connection, the message under way included. A connection that reaches one of these is not read again
    // before it is down to half of both.
    uint32_t messages_max = 1'000;
    uint32_t message_bytes_max = 1 << 20;
    // Of Deliveries whose client is gone: of this worker, so a gateway with several divides its bound by them.
    uint32_t endings_max = 100'000;
    RetryOptions retry;
};

class Deliveries {
public:
    // `budget` outlives it.
    Deliveries(const DeliveryOptions& options, Budget& budget) noexcept
        : options_(options), budget_(budget) {}

    [[nodiscard]] const DeliveryOptions& options() const noexcept { return options_; }
    [[nodiscard]] Budget& budget() noexcept { return budget_; }

    // The Delivery of the client that has been gone for the longest time, where they are too many; else null. Ask after
    // Delivery::end(), and drop() it.
    [[nodiscard]] Delivery* excess() const noexcept;
    [[nodiscard]] size_t endings() const noexcept { return endings_; }

private:
    friend class Delivery;
    void add_ending(Backlog& backlog) noexcept;
    void remove_ending(Backlog& backlog) noexcept;

    const DeliveryOptions options_;
    Budget& budget_;
    base::ListLink oldest_;  // The list's head.
    size_t endings_ = 0;
};

}  // namespace starling::webhook
