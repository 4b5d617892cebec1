#include "server/admin/collector.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "server/admin/process_figures.h"
#include "server/extension.h"
#include "server/worker.h"
#include "server/worker_figures.h"

namespace starling::server {
namespace {

uint64_t now_us() noexcept {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

constexpr size_t figures_bytes = 16 * 1024;

}  // namespace

Collector::Collector(WorkerGroup& group, starling::Server& home)
    : group_(group), home_(home), started_us_(now_us()) {}

void Collector::start() {
    workers_ = std::vector<WorkerReport>(group_.workers.size());
    home_.every(std::chrono::milliseconds(period_ms), [this] { collect([](const Figures&) {}); });
}

uint64_t Collector::uptime_s() const noexcept { return (now_us() - started_us_) / 1'000'000; }

uint64_t Collector::waits_us(const WorkerReport& worker) const noexcept {
    return worker.asked_us ? now_us() - worker.asked_us : 0;
}

// All that ask within a second share one collection.
void Collector::collect(Done done) {
    if (!collecting_ && finished_us_ && now_us() - finished_us_ < (period_ms - 100) * 1000)
        return done(sum_);
    waiting_.push_back(std::move(done));
    if (!collecting_) begin();
}

void Collector::begin() {
    collecting_ = true;
    ++rounds_;
    missing_ = 0;
    for (size_t i = 0; i < workers_.size(); ++i) ask(i, rounds_);
    if (missing_ == 0) return finish();
    home_.after(std::chrono::milliseconds(answer_ms_max), [this, round = rounds_] {
        if (collecting_ && round == rounds_) finish();
    });
}

// A worker that still has the call of an earlier round gets no other one.
void Collector::ask(size_t index, uint64_t round) {
    WorkerReport& report = workers_[index];
    if (report.asked_us) return;
    Worker& worker = *group_.workers[index];
    const uint64_t asked_us = now_us();
    const bool posted = worker.post_bounded(figures_bytes, [this, &worker, index, round] {
        const uint64_t ran_us = now_us();
        auto figures = std::make_shared<Figures>();
        add_worker_figures(worker, *figures);
        add_feature_figures(worker, *figures);
        home_.post(
            [this, index, round, figures, ran_us] { arrived(index, round, figures, ran_us); });
    });
    if (!posted) return;
    report.asked_us = asked_us;
    ++missing_;
}

void Collector::arrived(size_t index, uint64_t round, const std::shared_ptr<Figures>& figures,
                        uint64_t ran_us) {
    WorkerReport& report = workers_[index];
    report.lag_us = ran_us - std::min(ran_us, std::exchange(report.asked_us, 0));
    report.lag.record(report.lag_us);
    report.answered_us = now_us();
    report.figures = std::move(*figures);
    if (collecting_ && round == rounds_ && --missing_ == 0) finish();
}

void Collector::finish() {
    collecting_ = false;
    const uint64_t now = now_us();
    Figures sum;
    for (size_t i = 0; i < workers_.size(); ++i) {
        const WorkerReport& report = workers_[i];
        const std::string mine = label("worker", std::to_string(i));
        sum.add(report.figures);
        sum.durations("starling_loop_lag_seconds",
                      "How long a call waits until the worker runs it; one call each second",
                      report.lag, mine);
        sum.gauge("starling_worker_unresponsive_seconds",
                  "How long the worker has not answered the call under way",
                  static_cast<double>(waits_us(report)) / 1e6, mine);
    }
    for (const Extension* const extension : group_.extensions) extension->add_figures(sum);
    add_process_figures(sum);
    if (!allocator_us_ || now - allocator_us_ >= allocator_ms * 1000) {
        allocator_us_ = now;
        allocator_ = {};
        add_allocator_figures(allocator_);
    }
    sum.add(allocator_);
    sum.info("starling_build_info", "The version that runs", label("version", version()));
    sum.gauge("starling_workers", "Worker threads", static_cast<double>(workers_.size()));
    sum.gauge("starling_stopping", "1: the server stops",
              group_.stopping.load(std::memory_order_relaxed) ? 1 : 0);
    if (group_.log)
        sum.counter("starling_log_lines_dropped_total", "Log lines that did not fit into the queue",
                    group_.log->dropped());
    sum_ = std::move(sum);
    finished_us_ = now;
    sample();
    for (const Done& done : std::exchange(waiting_, {})) done(sum_);
}

float Collector::rate(std::string_view name, double seconds) const {
    const double change = sum_.sum(name) - before_.sum(name);
    return static_cast<float>(std::max(change, 0.0) / seconds);
}

void Collector::sample() {
    const uint64_t now = finished_us_;
    const double seconds = static_cast<double>(now - sampled_us_) / 1e6;
    // A scrape between two samples collects as well; the history has one sample each second.
    if (sampled_us_ && seconds < 0.5) return;
    const bool first = sampled_us_ == 0;
    sampled_us_ = now;
    const auto gauge = [&](std::string_view name) { return static_cast<float>(sum_.sum(name)); };
    const auto of = [&](std::string_view name, std::string_view labels, const Figures& from) {
        const auto family = from.families().find(name);
        if (family == from.families().end()) return 0.0;
        const auto value = family->second.values.find(std::string(labels));
        return value == family->second.values.end() ? 0.0 : value->second.number;
    };
    const auto part = [&](std::string_view name, std::string_view labels) {
        return static_cast<float>(
            std::max(of(name, labels, sum_) - of(name, labels, before_), 0.0) / seconds);
    };
    uint64_t lag_us = 0;
    for (const WorkerReport& worker : workers_)
        lag_us = std::max({lag_us, worker.lag_us, waits_us(worker)});
    const std::string in = label("direction", "in"), out = label("direction", "out");
    if (!first) {
        latest_ = {gauge("starling_connections"),
                   static_cast<float>(of("starling_connections", label("kind", "websocket"), sum_)),
                   static_cast<float>(of("starling_connections", label("kind", "sse"), sum_)),
                   gauge("starling_socketio_sessions"),
                   part("starling_messages_total", in),
                   part("starling_messages_total", out),
                   part("starling_bytes_total", in),
                   part("starling_bytes_total", out),
                   rate("starling_http_requests_total", seconds),
                   rate("starling_publications_total", seconds),
                   rate("starling_deliveries_total", seconds),
                   rate("starling_messages_dropped_total", seconds),
                   rate("starling_websocket_closes_total", seconds),
                   rate("starling_handshakes_refused_total", seconds),
                   rate("starling_handler_exceptions_total", seconds) +
                       rate("starling_protocol_errors_total", seconds),
                   gauge("starling_send_queue_bytes") + gauge("starling_webhook_queue_bytes"),
                   gauge("process_resident_memory_bytes"),
                   rate("process_cpu_seconds_total", seconds),
                   static_cast<float>(lag_us) / 1000,
                   rate("starling_webhooks_delivered_total", seconds)};
        history_.add((now - started_us_) / 1'000'000, latest_);
        if (on_sample_) on_sample_();
    }
    before_ = sum_;
}

}  // namespace starling::server
