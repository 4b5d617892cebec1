// webhook/retry.h: judges an application's answer to a webhook, and computes the pause before the
// next try. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace starling::webhook {

// The result of one try.
struct Outcome {
    uint16_t status = 0;  // The answer's status; 0: no answer.
    // The whole body was sent, so the application may have seen the webhook. An answer implies
    // that, too.
    bool sent = false;
    std::optional<uint32_t> retry_after_ms = std::nullopt;  // See read_retry_after().
    bool timed_out = false;  // No answer came in time; else the connection ended without one.

    // The connection ended before an answer, as that of an application does which has just closed a kept connection.
    [[nodiscard]] bool cut_off() const noexcept { return status == 0 && sent && !timed_out; }
};

enum class Rules : uint8_t {
    // Tries again after every fault that may be temporary: no connection, no answer in time, 429,
    // 5xx.
    at_least_once,
    // Tries again only if the application cannot have seen the webhook, and after 429, 502, 503 and
    // 504: with these a server or a proxy says that it did not take the request.
    at_most_once,
};

enum class Verdict : uint8_t { delivered, again, lost };

[[nodiscard]] Verdict judge(const Outcome& outcome, Rules rules) noexcept;

struct RetryOptions {
    Rules rules = Rules::at_least_once;
    uint32_t pause_ms_min = 100;    // Before the second try. Each further pause is twice as long,
    uint32_t pause_ms_max = 5'000;  // up to this limit. All pauses vary by ± 20 %.
    // Counted from the first try; the last try is at the end of this time.
    uint32_t retry_for_ms = 30'000;
    uint32_t close_retry_for_ms = 600'000;  // The same time for `close`.
};

// `tries`: the number of failed tries, at least 1. `random` must be evenly distributed over its
// range. An application's Retry-After replaces the schedule, within pause_ms_min and pause_ms_max.
[[nodiscard]] uint32_t pause_ms(const RetryOptions& options, uint32_t tries, uint32_t random,
                                std::optional<uint32_t> retry_after_ms) noexcept;

// Reads Retry-After: seconds or a date (RFC 9110 section 10.2.3). A date in the past is 0.
[[nodiscard]] std::optional<uint32_t> read_retry_after(std::string_view value, int64_t unix_s);

}  // namespace starling::webhook
