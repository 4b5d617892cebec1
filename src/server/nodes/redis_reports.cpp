#include "server/nodes/redis_reports.h"

#include <algorithm>
#include <array>
#include <utility>

#include "net/resolver.h"
#include "redis/client/client.h"
#include "redis/errors.h"

namespace starling::server {
namespace {

constexpr uint64_t log_interval_ms = 1000;
constexpr size_t kinds_max = 16;      // Lines in that time.
constexpr uint64_t changes_max = 32;  // Lines in that time.
constexpr uint64_t away_interval_ms = 10'000;
constexpr uint64_t redis_wait_ms_max = 1500;

std::string words_of(std::string_view error) {
    const std::string_view words = redis::in_words(error);
    return words.empty() ? std::string(error) : std::string(words);
}

// Asks a Redis once whether it lets this node in.
class Probe final : redis::client::ClientEvents {
public:
    std::string run(const redis::client::ClientOptions& options) {
        const auto resolver = net::make_system_resolver(loop_);
        auto made = redis::client::Client::make(loop_, *resolver, options, *this);
        if (!made) return made.error();
        auto client = *std::move(made);
        loop_.after(redis_wait_ms_max, [this] { loop_.stop(); });
        loop_.run();
        client.reset();
        return refusal_;
    }

private:
    void on_message(const redis::Message&) override {}
    void on_ready() override { loop_.stop(); }
    void on_down(const std::string& why, bool is_final) override {
        if (is_final) refusal_ = why;
        loop_.stop();
    }
    net::Loop loop_;
    std::string refusal_;
};

}  // namespace

void RedisReports::connected() {
    away_why_.clear();
    worker_.log(log::Level::info, "cluster: connected to Redis");
}

void RedisReports::away(const std::string& why, bool is_final) {
    const uint64_t now_ms = worker_.loop().now_ms();
    if (why == away_why_ && now_ms - away_logged_ms_ < away_interval_ms) return;
    away_why_ = why;
    away_logged_ms_ = now_ms;
    worker_.log(is_final ? log::Level::error : log::Level::warn,
                "cluster: Redis is away: " + words_of(why));
}

void RedisReports::grown(uint64_t& told, uint64_t count, std::string_view what,
                         std::string_view why) {
    if (count > told && tell(what, why, count)) told = count;
}

void RedisReports::failed(std::string_view what, std::string_view error) {
    tell(what, error, ++failures_);
}

bool RedisReports::tell(std::string_view what, std::string_view error, uint64_t count) {
    const uint64_t now_ms = worker_.loop().now_ms();
    std::erase_if(told_,
                  [now_ms](const auto& one) { return now_ms - one.second >= log_interval_ms; });
    const bool is_known =
        std::ranges::any_of(told_, [what](const auto& one) { return one.first == what; });
    if (is_known || told_.size() == kinds_max) return false;
    told_.emplace_back(what, now_ms);
    const std::string number = std::to_string(count);
    const std::array<log::Field, 1> fields{{{"count", number}}};
    worker_.log(log::Level::warn, "cluster: " + std::string(what) + ": " + words_of(error), fields);
    return true;
}

bool RedisReports::may_tell_change() {
    const uint64_t now_ms = worker_.loop().now_ms();
    if (now_ms - changes_ms_ >= log_interval_ms) {
        changes_ms_ = now_ms;
        changes_told_ = 0;
    }
    if (++changes_told_ <= changes_max) return true;
    tell("changes of nodes are left out of the log", "there are too many of them",
         ++changes_untold_);
    return false;
}

std::string refusal_of_redis(const redis::client::ClientOptions& options) {
    return Probe().run(options);
}

}  // namespace starling::server
