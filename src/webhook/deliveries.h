// webhook/deliveries.h: what the Deliveries of one worker share: the options, the budget, and the
// list of Deliveries whose client is gone.
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
    // Limits of one connection, including the message being sent. A connection that reaches either
    // limit is not read until its webhooks take half of both limits or less.
    uint32_t messages_max = 1'000;
    uint32_t message_bytes_max = 1 << 20;
    // Limit of Deliveries whose client is gone, for this worker. A gateway with several workers
    // divides its limit by their number.
    uint32_t endings_max = 100'000;
    RetryOptions retry;
};

class Deliveries {
public:
    // `budget` must live longer than this object.
    Deliveries(const DeliveryOptions& options, Budget& budget) noexcept
        : options_(options), budget_(budget) {}

    [[nodiscard]] const DeliveryOptions& options() const noexcept { return options_; }
    [[nodiscard]] Budget& budget() noexcept { return budget_; }

    // If there are too many Deliveries whose client is gone, the one whose client left first; else
    // null. Call it after Delivery::end(), then drop() the result.
    [[nodiscard]] Delivery* excess() const noexcept;
    [[nodiscard]] size_t endings() const noexcept { return endings_; }

private:
    friend class Delivery;
    void add_ending(Backlog& backlog) noexcept;
    void remove_ending(Backlog& backlog) noexcept;

    const DeliveryOptions options_;
    Budget& budget_;
    base::ListLink oldest_;  // Head of the list, oldest first.
    size_t endings_ = 0;
};

}  // namespace starling::webhook
