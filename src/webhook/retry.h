// webhook/retry.h: what an application's answer to a webhook means, and how long to wait before the next try.
// Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace starling::webhook {

// How one try ended.
struct Outcome {
    uint16_t status = 0;  // Of the answer's head; 0: there was none.
    // The request's body was handed over in full: the application may have seen the webhook. An answer says so too.
    bool sent = false;
    std::optional<uint32_t> retry_after_ms = std::nullopt;  // See read_retry_after().
};

enum class Rules : uint8_t {
    // Tried again after everything that may pass: no connection, no answer in time, 429, 5xx.
    at_least_once,
    // Tried again only where the application cannot have seen it, and for 429, 502, 503 and 504, by which a
    // server or a proxy says that it did not take the request.
    at_most_once,
};

enum class Verdict : uint8_t { delivered, again, lost };

[[nodiscard]] Verdict judge(const Outcome& outcome, Rules rules) noexcept;

struct RetryOptions {
    Rules rules = Rules::at_least_once;
    uint32_t pause_ms_min = 100;     // Before the second try; each further pause is twice as long,
    uint32_t pause_ms_max = 5'000;   // up to this. All of them ± 20 %.
    uint32_t retry_for_ms = 30'000;  // From the first try; the last one is at its end.
    uint32_t close_retry_for_ms = 600'000;  // The same for `close`.
};

// `tries`: so many have failed, 1 at least. `random`: evenly distributed over its range. An application's
// Retry-After counts in place of the schedule, within its two bounds.
[[nodiscard]] uint32_t pause_ms(const RetryOptions& options, uint32_t tries, uint32_t random,
                                std::optional<uint32_t> retry_after_ms) noexcept;

// Retry-After: seconds or a date (RFC 9110 section 10.2.3). A date that has passed is 0.
[[nodiscard]] std::optional<uint32_t> read_retry_after(std::string_view value, int64_t unix_s);

}  // namespace starling::webhook
