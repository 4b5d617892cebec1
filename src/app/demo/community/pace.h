// app/demo/community/pace.h: how fast one user may write: a burst, then a steady trickle (token bucket).
//
// Time is an argument, in milliseconds of a clock that only goes forward. Owner: Api, behind its
// mutex. The map is as large as the number of users, since only they are looked up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace starling::app::community {

inline constexpr int64_t writes_burst_max = 20;
inline constexpr int64_t write_interval_ms = 1000;  // Behind the burst.

class Pace {
public:
    // 0: go ahead, one write is counted. Else: how long to wait.
    [[nodiscard]] int64_t wait_ms(std::string_view user, int64_t now_ms) {
        auto found = due_ms_.find(user);
        if (found == due_ms_.end()) found = due_ms_.emplace(user, now_ms).first;
        // The moment at which the bucket is full again: a burst may run that far ahead of now.
        int64_t full_ms = std::max(found->second, now_ms) + write_interval_ms;
        int64_t ahead_ms = full_ms - now_ms - writes_burst_max * write_interval_ms;
        if (ahead_ms > 0) return ahead_ms;
        found->second = full_ms;
        return 0;
    }

private:
    std::map<std::string, int64_t, std::less<>> due_ms_;
};

}  // namespace starling::app::community
