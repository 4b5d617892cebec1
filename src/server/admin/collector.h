// server/admin/collector.h: collects the figures of all workers: posts a call to each of them, and
// sums what comes back. A worker that does not answer in time is counted with its last figures, and
// the age of those is a figure itself. Keeps the last hour.
//
// Owner: Admin. Thread: that of the admin listener, unless a function says otherwise.
#pragma once

#include <starling/server.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "server/admin/history.h"
#include "server/figures.h"

namespace starling::server {

struct WorkerGroup;

// What one worker said last.
struct WorkerReport {
    Figures figures;
    base::LogHistogram lag;    // From the post of a call to its run; one call each second.
    uint64_t lag_us = 0;       // The newest of them.
    uint64_t asked_us = 0;     // When the call under way was posted; 0: none is under way.
    uint64_t answered_us = 0;  // 0: not yet.
};

class Collector {
public:
    static constexpr uint64_t period_ms = 1000, answer_ms_max = 500, allocator_ms = 15'000;

    // `home` runs on one worker, whose thread is that of this object.
    Collector(WorkerGroup& group, starling::Server& home);

    void start();  // Before `home` starts.
    // Calls `done` with figures of at most a second ago; `done` may be called at once.
    using Done = std::function<void(const Figures& sum)>;
    void collect(Done done);
    // Called after each sample of the history.
    void on_sample(std::function<void()> call) { on_sample_ = std::move(call); }

    [[nodiscard]] const Figures& sum() const noexcept { return sum_; }
    [[nodiscard]] const std::vector<WorkerReport>& workers() const noexcept { return workers_; }
    [[nodiscard]] const FigureHistory& history() const noexcept { return history_; }
    [[nodiscard]] const FigureHistory::Sample& latest() const noexcept { return latest_; }
    [[nodiscard]] uint64_t uptime_s() const noexcept;
    // How long the call under way waits for this worker; 0: it has answered the last one.
    [[nodiscard]] uint64_t waits_us(const WorkerReport& worker) const noexcept;
    // Rounds since the start.
    [[nodiscard]] uint64_t rounds() const noexcept { return rounds_; }

private:
    void begin();
    void ask(size_t index, uint64_t round);
    void arrived(size_t index, uint64_t round, const std::shared_ptr<Figures>& figures,
                 uint64_t ran_us);
    void finish();
    void sample();
    [[nodiscard]] float rate(std::string_view name, double seconds) const;

    WorkerGroup& group_;
    starling::Server& home_;
    std::vector<WorkerReport> workers_;
    std::vector<Done> waiting_;
    std::function<void()> on_sample_;
    Figures sum_, before_, allocator_;
    FigureHistory history_;
    FigureHistory::Sample latest_{};
    const uint64_t started_us_;
    uint64_t rounds_ = 0, finished_us_ = 0, sampled_us_ = 0, allocator_us_ = 0;
    size_t missing_ = 0;  // Workers that have not answered in this round.
    bool collecting_ = false;
};

}  // namespace starling::server
