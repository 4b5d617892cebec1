#include "server/nodes/refusal.h"

#include <utility>

#include "net/resolver.h"
#include "redis/client/client.h"

namespace starling::server {
namespace {

constexpr uint64_t redis_wait_ms_max = 1500;

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

std::string refusal_of_redis(const redis::client::ClientOptions& options) {
    return Probe().run(options);
}

}  // namespace starling::server
