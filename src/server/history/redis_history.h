// server/history/redis_history.h: the history of channels in Redis, which all nodes of a cluster share.
// The first worker's HistoryPart talks to Redis on a connection of its own; other threads post to it.
//
// hub/remote_history.h says what waits while Redis is away, and for how long. server/history/scripts.h
// says how a channel lies in Redis.
//
// Owner: the code that joins the cluster; it lives as long as the workers. Thread: any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/log_histogram.h"
#include "hub/remote_history.h"
#include "net/resolver.h"
#include "redis/client/client.h"
#include "server/figures.h"
#include "server/history/redis_errors.h"
#include "server/history/redis_reports.h"
#include "server/worker.h"

namespace starling::server {

struct HistorySettings {
    redis::client::ClientOptions redis;
    std::string prefix;  // Of all keys.
    hub::RemoteHistory::Limits limits = {};
};

// Owner: the first worker. Thread: the worker's.
class HistoryPart final : public WorkerPart,
                          hub::RemoteHistory::Store,
                          redis::client::ClientEvents {
public:
    // `ready`: called each time when Redis is there again.
    HistoryPart(const HistorySettings& settings, Worker& worker, std::function<void()> ready);
    ~HistoryPart() override;

    // WorkerPart.
    void loop_ended() noexcept override;
    [[nodiscard]] bool needs_loop() noexcept override;

    void append(std::string_view channel, const hub::HistoryRule& rule, std::string_view text,
                const std::function<void(hub::KeptPtr)>& done);
    void read(const hub::HistoryQuery& query, const std::function<void(hub::HistoryPage)>& done);
    void add_figures(Figures& figures) const;

private:
    using Answered = std::function<void(const redis::Answer&)>;

    // hub::RemoteHistory::Store
    void append(const hub::RemoteHistory::Batch& batch,
                std::function<void(const hub::RemoteHistory::Appended&)> answer) override;
    void read(
        const hub::RemoteHistory::Question& question,
        std::function<void(hub::RemoteHistory::Outcome, const hub::HistoryPage&)> answer) override;
    // redis::client::ClientEvents
    void on_message(const redis::Message&) override {}
    void on_ready() override;
    void on_down(const std::string& why, bool is_final) override;
    void on_bounced(std::string_view error) override;

    [[nodiscard]] uint64_t now_ms() const noexcept { return worker_.loop().now_ms(); }
    [[nodiscard]] std::string make_epoch();
    void run(const std::string& script, const std::string& hash, std::string_view channel,
             std::vector<std::string> arguments, uint64_t until_ms, base::LogHistogram& times,
             Answered answered);
    [[nodiscard]] hub::RemoteHistory::Outcome outcome_of(const redis::Answer& answer);
    void touched();

    const HistorySettings settings_;
    Worker& worker_;
    const std::function<void()> ready_;
    const std::string sender_;                                   // Of this process.
    const std::string append_, append_hash_, read_, read_hash_;  // The scripts.
    uint64_t epochs_ = 0;
    std::unique_ptr<net::Resolver> resolver_;
    std::unique_ptr<hub::RemoteHistory> history_;
    std::unique_ptr<redis::client::Client> client_;
    redis::client::Timer timer_;
    RedisReports reports_;
    uint64_t bounced_ = 0;
    RedisErrorCounts errors_{};
    base::LogHistogram append_times_, read_times_;  // From a command to its answer.
};

class RedisHistory final : public hub::History {
public:
    // Before the workers run. Throws std::runtime_error for a TLS file that cannot be used.
    RedisHistory(const HistorySettings& settings, WorkerGroup& group, std::function<void()> ready);
    // The workers have ended: everything fails from here on.
    void close() noexcept { part_.store(nullptr); }
    // On the thread of `worker`; only the first one has any.
    void add_figures(const Worker& worker, Figures& figures) const;

    void append(std::string_view channel, const hub::HistoryRule& rule, std::string_view text,
                uint64_t now_ms, const std::function<void(hub::KeptPtr)>& done) override;
    void read(const hub::HistoryQuery& query, uint64_t now_ms,
              const std::function<void(hub::HistoryPage)>& done) override;

private:
    WorkerGroup& group_;
    Worker& first_;
    std::atomic<HistoryPart*> part_;
};

}  // namespace starling::server
