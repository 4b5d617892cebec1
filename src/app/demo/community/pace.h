// app/demo/community/pace.h: limits how fast one user writes: a burst, then one write in each
// interval (token bucket).
//
// Time is an argument, in milliseconds of a monotonic clock. Owner: Api, under its mutex. The map
// holds one entry per known user, since only known users are looked up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace starling::app::community {

inline constexpr int64_t writes_burst_max = 20;
inline constexpr int64_t write_interval_ms = 1000;  // After the burst.

class Pace {
public:
    // Returns 0 and counts a write, or the time to wait.
    [[nodiscard]] int64_t wait_ms(std::string_view user, int64_t now_ms) {
        auto found = due_ms_.find(user);
        if (found == due_ms_.end()) found = due_ms_.emplace(user, now_ms).first;
        // The time at which the bucket is full again. A burst may move that time so far into the
        // future.
        const int64_t full_ms = std::max(found->second, now_ms) + write_interval_ms;
        const int64_t ahead_ms = full_ms - now_ms - writes_burst_max * write_interval_ms;
        if (ahead_ms > 0) return ahead_ms;
        found->second = full_ms;
        return 0;
    }

private:
    std::map<std::string, int64_t, std::less<>> due_ms_;
};

}  // namespace starling::app::community
