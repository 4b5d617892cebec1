// ws/reconnect_plan.h: when a client connects again: pauses, the count of attempts, and when a connection
// counts as stable. Pure: the caller gives the time and the random numbers.
//
// Owner: the client. Thread: its loop's.
#pragma once

#include <cstdint>
#include <optional>

#include "base/backoff.h"

namespace starling::ws {

class ReconnectPlan {
public:
    struct Options {
        uint64_t delay_ms, delay_max_ms;
        double jitter;
        uint64_t attempts_max;  // 0: without end.
        uint64_t stable_ms;
    };

    explicit ReconnectPlan(const Options& options) noexcept
        : options_(options), backoff_(options.delay_ms, options.delay_max_ms, options.jitter) {}

    void opened(uint64_t now_ms) noexcept { opened_ms_ = now_ms; }

    // The connection was lost, or the attempt has failed. The pause before the next attempt; nothing: there
    // is none. `random`: 0 <= random < 1.
    [[nodiscard]] std::optional<uint64_t> lost(uint64_t now_ms, double random) noexcept {
        if (opened_ms_ && now_ms - *opened_ms_ >= options_.stable_ms) {
            backoff_.reset();
            attempts_ = 0;
        }
        opened_ms_.reset();
        if (options_.attempts_max != 0 && attempts_ >= options_.attempts_max) return std::nullopt;
        ++attempts_;
        return backoff_.next_ms(random);
    }
    // Since the last stable connection, without the very first attempt; after lost() with the next one.
    [[nodiscard]] uint64_t attempts() const noexcept { return attempts_; }

private:
    const Options options_;
    base::Backoff backoff_;
    uint64_t attempts_ = 0;
    std::optional<uint64_t> opened_ms_;
};

// RFC 6455 section 7.4.1 and the IANA registry of close codes; see worth_reconnecting() in
// <starling/client_reconnect.h>.
[[nodiscard]] constexpr bool worth_reconnecting(uint16_t code, int status) noexcept {
    if (status >= 400 && status <= 499) return status == 408 || status == 425 || status == 429;
    switch (code) {
        case 1000:
        case 1002:
        case 1003:
        case 1007:
        case 1008:
        case 1009:
        case 1010:
        case 3000:
        case 3003: return false;
        default: return true;
    }
}

}  // namespace starling::ws
