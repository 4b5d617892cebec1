// redis/client/context.h: the options of a client of Redis, and what its connections share.
//
// Owner: the Client. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/dialer.h"
#include "net/loop.h"
#include "net/tls_client.h"
#include "redis/reader.h"
#include "redis/url.h"

namespace starling::redis::client {

struct ClientOptions {
    Url url;
    net::TlsClientOptions tls = {};  // Of rediss://.
    std::string server_name = {};    // In the certificate. "": the host.
    uint64_t connect_timeout_ms = 5000;
    uint64_t reply_timeout_ms = 5000;      // A server that sends nothing for so long is dead.
    uint64_t ping_interval_ms = 5000;      // Of an idle connection.
    uint64_t reconnect_ms_min = 50;        // The first pause; each further one is twice as long,
    uint64_t reconnect_ms_max = 200;       // at most this, and jittered.
    uint64_t loading_pause_ms = 100;       // Between two questions to a server that is not ready.
    uint64_t refused_interval_ms = 1000;   // Between two attempts for a refused subscription.
    uint64_t slots_interval_ms = 30'000;   // Between two CLUSTER SLOTS.
    size_t queue_bytes_max = 16u << 20;    // Of commands that wait for the server.
    size_t pipeline_bytes_max = 1u << 20;  // Of commands without an answer; more of them wait.
    // While the oldest answer is this late, more commands wait: what is under way is lost with the
    // connection, and what waits is not. A server answers in order, so waiting delays nothing.
    uint64_t late_answer_ms = 500;
    uint64_t withdraw_interval_ms = 100;  // How exact the time is at which a command is withdrawn.
    int redirects_max = 16;               // Of one command in a cluster.
    ReaderLimits reader = {};
};

struct Context {
    net::Loop& loop;
    net::Dialer& dialer;
    const ClientOptions& options;
    std::shared_ptr<const net::TlsClientContext> tls;  // Null: without TLS.

    static constexpr uint64_t period_ms = 250;
};

// 0 <= random < 1.
[[nodiscard]] double random_share();

// A timer that ends with its owner.
class Timer {
public:
    explicit Timer(net::Loop& loop) noexcept : loop_(loop) {}
    ~Timer() { stop(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    void after(uint64_t ms, std::function<void()> call) {
        stop();
        id_ = loop_.after(ms, [this, call = std::move(call)] {
            id_ = 0;
            const auto due = call;  // It may start the timer again, or destroy it.
            due();
        });
    }
    void every(uint64_t ms, std::function<void()> call) {
        stop();
        id_ = loop_.every(ms, std::move(call));
    }
    void stop() noexcept {
        if (id_ != 0) loop_.cancel_timer(id_);
        id_ = 0;
    }
    [[nodiscard]] bool is_set() const noexcept { return id_ != 0; }

private:
    net::Loop& loop_;
    net::TimerId id_ = 0;
};

}  // namespace starling::redis::client
