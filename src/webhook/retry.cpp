#include "webhook/retry.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "http/date.h"

namespace starling::webhook {
namespace {

struct Row {
    uint16_t first, last;  // Statuses.
    Verdict at_least_once, at_most_once;
};

// The webhook is lost for a status without a row (1xx, 3xx, 4xx).
constexpr Row rows[] = {
    {200, 299, Verdict::delivered, Verdict::delivered}, {429, 429, Verdict::again, Verdict::again},
    {500, 501, Verdict::again, Verdict::lost},          {502, 504, Verdict::again, Verdict::again},
    {505, 599, Verdict::again, Verdict::lost},
};

}  // namespace

Verdict judge(const Outcome& outcome, Rules rules) noexcept {
    const bool once = rules == Rules::at_most_once;
    if (outcome.status == 0) return once && outcome.sent ? Verdict::lost : Verdict::again;
    for (const Row& row : rows)
        if (outcome.status >= row.first && outcome.status <= row.last)
            return once ? row.at_most_once : row.at_least_once;
    return Verdict::lost;
}

uint32_t pause_ms(const RetryOptions& options, uint32_t tries, uint32_t random,
                  std::optional<uint32_t> retry_after_ms) noexcept {
    if (retry_after_ms)
        return std::clamp(*retry_after_ms, options.pause_ms_min, options.pause_ms_max);
    const uint32_t doublings = std::min(tries - 1, 31U);
    const uint64_t pause = std::min<uint64_t>(
        static_cast<uint64_t>(options.pause_ms_min) << doublings, options.pause_ms_max);
    const uint64_t fifth = pause / 5;
    return static_cast<uint32_t>(pause - fifth + (2 * fifth * random >> 32));
}

std::optional<uint32_t> read_retry_after(std::string_view value, int64_t unix_s) {
    value = base::trim(value);
    int64_t seconds = 0;
    if (!value.empty() && base::is_digit(value.front())) {
        const auto read = std::from_chars(value.data(), value.data() + value.size(), seconds);
        if (read.ptr != value.data() + value.size()) return std::nullopt;
        if (read.ec != std::errc()) seconds = INT64_MAX;  // More digits than 64 bits hold.
    } else {
        const auto date = http::parse_date(value, unix_s);
        if (!date) return std::nullopt;
        seconds = *date - unix_s;
    }
    return static_cast<uint32_t>(std::clamp<int64_t>(seconds, 0, UINT32_MAX / 1000) * 1000);
}

}  // namespace starling::webhook
