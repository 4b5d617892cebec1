#include "server/history/redis_reports.h"

#include <algorithm>
#include <array>
#include <span>

#include "redis/errors.h"

namespace starling::server {
namespace {

constexpr uint64_t interval_ms = 1000, lasting_interval_ms = 60'000, away_interval_ms = 10'000;
constexpr size_t kinds_max = 16;      // Lines in an interval.
constexpr uint64_t changes_max = 32;  // Lines in a second.

std::string words_of(std::string_view error) {
    const std::string_view words = redis::in_words(error);
    return words.empty() ? std::string(error) : std::string(words);
}

}  // namespace

void RedisReports::log(log::Level level, std::string_view text, std::string_view count) {
    const std::array<log::Field, 2> fields{{{"part", part_}, {"count", count}}};
    worker_.log(level, std::string(subject_) + ": " + std::string(text),
                std::span(fields).first(count.empty() ? 1 : 2));
}

void RedisReports::connected() {
    away_why_.clear();
    log(log::Level::info, "connected to Redis");
}

void RedisReports::back() {
    if (!away_why_.empty()) connected();
}

void RedisReports::away(const std::string& why, bool is_final) {
    const uint64_t now_ms = worker_.loop().now_ms();
    if (why == away_why_ && now_ms - away_logged_ms_ < away_interval_ms) return;
    away_why_ = why;
    away_logged_ms_ = now_ms;
    log(is_final ? log::Level::error : log::Level::warn, "Redis is away: " + words_of(why));
}

void RedisReports::grown(uint64_t& told, uint64_t count, std::string_view what,
                         std::string_view why) {
    if (count > told && tell(what, why, count)) told = count;
}

void RedisReports::failed(std::string_view what, std::string_view error) {
    tell(what, error, ++failures_);
}

bool RedisReports::tell(std::string_view what, std::string_view error, uint64_t count) {
    return tell_once(told_, interval_ms, what, error, count);
}

bool RedisReports::tell_lasting(std::string_view what, std::string_view error, uint64_t count) {
    return tell_once(told_lasting_, lasting_interval_ms, what, error, count);
}

bool RedisReports::tell_once(Told& told, uint64_t interval, std::string_view what,
                             std::string_view error, uint64_t count) {
    const uint64_t now_ms = worker_.loop().now_ms();
    std::erase_if(told, [&](const auto& one) { return now_ms - one.second >= interval; });
    const bool is_known =
        std::ranges::any_of(told, [what](const auto& one) { return one.first == what; });
    if (is_known || told.size() == kinds_max) return false;
    told.emplace_back(what, now_ms);
    log(log::Level::warn, std::string(what) + ": " + words_of(error), std::to_string(count));
    return true;
}

bool RedisReports::may_tell_change() {
    const uint64_t now_ms = worker_.loop().now_ms();
    if (now_ms - changes_ms_ >= interval_ms) {
        changes_ms_ = now_ms;
        changes_told_ = 0;
    }
    if (++changes_told_ <= changes_max) return true;
    tell("changes of nodes are left out of the log", "there are too many of them",
         ++changes_untold_);
    return false;
}

}  // namespace starling::server
