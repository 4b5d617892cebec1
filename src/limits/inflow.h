// limits/inflow.h: what one connection sends: its buckets. Pure. Owner: the code that limits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "limits/bucket.h"

namespace starling::limits {

struct InflowRates {
    BucketRate messages, message_bytes, joins;
    explicit InflowRates(const Limits& limits) noexcept
        : messages(limits.messages), message_bytes(limits.message_bytes), joins(limits.joins) {}
    [[nodiscard]] bool is_on() const noexcept {
        return messages.is_on() || message_bytes.is_on() || joins.is_on();
    }
};

struct Inflow {
    Bucket messages, message_bytes, joins;

    // False: the message is over a limit. It takes nothing then.
    [[nodiscard]] bool takes_message(const InflowRates& rates, size_t bytes,
                                     uint64_t now_ns) noexcept {
        const Bucket before = messages;
        if (rates.messages.is_on() && messages.take(rates.messages, now_ns) != 0) return false;
        if (!rates.message_bytes.is_on() ||
            message_bytes.take(rates.message_bytes, now_ns, bytes) == 0)
            return true;
        messages = before;
        return false;
    }
    [[nodiscard]] bool takes_join(const InflowRates& rates, uint64_t now_ns) noexcept {
        return !rates.joins.is_on() || joins.take(rates.joins, now_ns) == 0;
    }
};

static_assert(sizeof(Inflow) == 24, "for each connection, if a rate of connections is limited");

}  // namespace starling::limits
