// server/nodes/redis_reports.h: what the log says about the Redis of a cluster, in words and not too
// often; and the question at the start whether Redis lets this node in.
//
// Owner: the part that has the connection. Thread: its worker's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/client/context.h"
#include "server/worker.h"

namespace starling::server {

class RedisReports {
public:
    explicit RedisReports(Worker& worker) noexcept : worker_(worker) {}

    void connected();
    // A line for each new reason, and every ten seconds for the same one.
    void away(const std::string& why, bool is_final);
    // Counts; a line once a second at most for each `what`.
    void failed(std::string_view what, std::string_view error);
    // A line once a second at most for each `what`; `count`: how often it has happened. False: no line.
    bool tell(std::string_view what, std::string_view error, uint64_t count);
    // Tells it if `count` is above `told`, the count of the line before.
    void grown(uint64_t& told, uint64_t count, std::string_view what, std::string_view why);
    // Whether a line about another node may be written: a stranger in Redis can make up any number.
    [[nodiscard]] bool may_tell_change();
    [[nodiscard]] uint64_t failures() const noexcept { return failures_; }

private:
    Worker& worker_;
    uint64_t failures_ = 0;
    uint64_t away_logged_ms_ = 0;
    std::string away_why_;
    std::vector<std::pair<std::string, uint64_t>> told_;  // With the time; of the last second.
    uint64_t changes_ms_ = 0, changes_told_ = 0, changes_untold_ = 0;
};

// Why Redis will never let this node in, such as a wrong password; "" if it does, or is away. Waits for
// Redis on the calling thread, for a moment.
[[nodiscard]] std::string refusal_of_redis(const redis::client::ClientOptions& options);

}  // namespace starling::server
