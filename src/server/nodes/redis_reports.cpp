#include "server/nodes/redis_reports.h"

#include <array>
#include <utility>

#include "net/resolver.h"
#include "redis/client/client.h"
#include "redis/errors.h"

namespace starling::server {
namespace {

constexpr uint64_t log_interval_ms = 1000;
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

void RedisReports::failed(std::string_view what, std::string_view error) {
    tell(what, error, ++failures_);
}

void RedisReports::tell(std::string_view what, std::string_view error, uint64_t count) {
    const uint64_t now_ms = worker_.loop().now_ms();
    if (failures_logged_ms_ && now_ms - failures_logged_ms_ < log_interval_ms) return;
    failures_logged_ms_ = now_ms;
    const std::string number = std::to_string(count);
    const std::array<log::Field, 1> fields{{{"count", number}}};
    worker_.log(log::Level::warn, "cluster: " + std::string(what) + ": " + words_of(error), fields);
}

std::string refusal_of_redis(const redis::client::ClientOptions& options) {
    return Probe().run(options);
}

}  // namespace starling::server
