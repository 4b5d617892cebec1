// server/history/redis_reports.h: what the log says about a connection to Redis, in words and not too
// often.
//
// Owner: the part that has the connection. Thread: its worker's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/worker.h"

namespace starling::server {

class RedisReports {
public:
    // `subject`: what all lines begin with. `part`: which connection it is, as the label `part` of the
    // metrics. Both are literals.
    RedisReports(Worker& worker, std::string_view subject, std::string_view part) noexcept
        : worker_(worker), subject_(subject), part_(part) {}

    void connected();
    // A line if the last one was about a Redis that is away.
    void back();
    // A line for each new reason, and every ten seconds for the same one.
    void away(const std::string& why, bool is_final);
    // Counts; a line once a second at most for each `what`.
    void failed(std::string_view what, std::string_view error);
    // A line once a second at most for each `what`; `count`: how often it has happened. False: no line.
    bool tell(std::string_view what, std::string_view error, uint64_t count);
    // The same once a minute: for what stays as it is until an operator changes it.
    bool tell_lasting(std::string_view what, std::string_view error, uint64_t count);
    // Tells it if `count` is above `told`, the count of the line before.
    void grown(uint64_t& told, uint64_t count, std::string_view what, std::string_view why);
    // Whether a line about another node may be written: a stranger in Redis can make up any number.
    [[nodiscard]] bool may_tell_change();
    [[nodiscard]] uint64_t failures() const noexcept { return failures_; }

private:
    // What was told lately, with the time.
    using Told = std::vector<std::pair<std::string, uint64_t>>;

    bool tell_once(Told& told, uint64_t interval_ms, std::string_view what, std::string_view error,
                   uint64_t count);
    void log(log::Level level, std::string_view text, std::string_view count = {});

    Worker& worker_;
    const std::string_view subject_, part_;
    uint64_t failures_ = 0;
    uint64_t away_logged_ms_ = 0;
    std::string away_why_;  // "": it was not told that Redis is away.
    Told told_, told_lasting_;
    uint64_t changes_ms_ = 0, changes_told_ = 0, changes_untold_ = 0;
};

}  // namespace starling::server
