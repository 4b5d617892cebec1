#include "load/load_test.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/url_text.h"
#include "load/connect.h"
#include "load/echo.h"
#include "load/events.h"
#include "load/socketio_ack.h"
#include "load/socketio_polling.h"
#include "load/usage.h"

namespace starling::load {
namespace {

constexpr uint64_t descriptors_beside = 32;  // Those that the process has open anyway.

std::string model_of(const Plan& plan) {
    if (is_storm(plan.scenario)) return grouped(plan.connections) + " at a time";
    std::string text = grouped(plan.connections) + " connections";
    if (is_idle(plan.scenario)) return text;
    if (plan.scenario == Scenario::events && plan.publish_url.empty()) return text;
    if (publishes(plan)) {
        text += ", " + grouped(plan.rate) + " publications/s";
        if (plan.depth > 0) text += ", at most " + grouped(plan.depth) + " on the way";
    } else {
        text += plan.rate > 0 ? ", " + grouped(plan.rate) + " messages/s"
                              : ", " + grouped(plan.depth) + " in flight on each";
    }
    return text + ", " + grouped(plan.payload_bytes) + " bytes";
}

}  // namespace

LoadTest::LoadTest(Plan plan) : plan_(std::move(plan)), shared_(plan_.threads) {}

LoadTest::~LoadTest() { stop(); }

std::optional<EndpointError> LoadTest::start() {
    const uint64_t descriptors = raise_descriptor_limit();
    const uint64_t wanted = plan_.connections + plan_.threads + descriptors_beside;
    if (wanted > descriptors)
        return EndpointError{false,
                             {Fault::Kind::local, 0,
                              grouped(plan_.connections) + " connections need " + grouped(wanted) +
                                  " descriptors, and this process may have " +
                                  grouped(descriptors) + "; ulimit -Hn raises the limit"}};
    if (auto error = find_places()) return error;
    server_bytes_before_ = static_cast<int64_t>(dirty_bytes(plan_.server_pids, true));
    for (uint32_t i = 0; i < plan_.threads; ++i) workers_.push_back(make_worker(i));
    running_ = plan_.threads;
    for (const auto& worker : workers_)
        threads_.emplace_back([this, one = worker.get()] {
            one->run();
            const std::lock_guard lock(mutex_);
            if (--running_ == 0) ended_.notify_all();
        });
    return {};
}

std::optional<EndpointError> LoadTest::find_places() {
    auto server = find_endpoint(plan_, plan_.url);
    if (!server) return server.error();
    places_.server = *std::move(server);
    use_socketio(places_.server.upgrade);
    places_.publisher = places_.server;
    if (plan_.publish_url.empty()) return {};
    auto publisher = find_endpoint(plan_, plan_.publish_url);
    if (!publisher) return publisher.error();
    places_.publisher = *std::move(publisher);
    use_socketio(places_.publisher.upgrade);
    return {};
}

void LoadTest::use_socketio(Upgrade& upgrade) const {
    if (!is_socketio(plan_.scenario)) return;
    const bool polling = plan_.scenario == Scenario::socketio_polling;
    upgrade.target = engine_target(upgrade.target, polling ? "polling" : "websocket");
}

std::unique_ptr<Worker> LoadTest::make_worker(uint32_t number) {
    switch (plan_.scenario) {
        case Scenario::echo: return std::make_unique<Echo>(plan_, places_, shared_, number);
        case Scenario::fanout:
        case Scenario::socketio_fanout:
            return std::make_unique<Fanout>(plan_, places_, shared_, published_, number);
        case Scenario::connect:
        case Scenario::socketio_connect:
            return std::make_unique<Connect>(plan_, places_, shared_, number);
        case Scenario::idle:
        case Scenario::socketio_idle:
            return std::make_unique<Idle>(plan_, places_, shared_, number);
        case Scenario::socketio_ack:
            return std::make_unique<SocketIoAck>(plan_, places_, shared_, number);
        case Scenario::socketio_polling:
            return std::make_unique<SocketIoPolling>(plan_, places_, shared_, number);
        case Scenario::events: break;
    }
    return std::make_unique<Events>(plan_, places_, shared_, published_, number);
}

bool LoadTest::wait(uint32_t milliseconds) {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, std::chrono::milliseconds(milliseconds),
                           [this] { return running_ == 0; });
}

LoadTest::Seen LoadTest::live() const noexcept {
    Seen seen;
    seen.phase = shared_.phase;
    for (const Live& live : shared_.live) {
        seen.count += live.count.load(std::memory_order_relaxed);
        seen.errors += live.errors.load(std::memory_order_relaxed);
        seen.open += live.open.load(std::memory_order_relaxed);
    }
    return seen;
}

Report LoadTest::head() const {
    Report report;
    report.scenario = name_of(plan_.scenario);
    report.url = base::without_password(plan_.url);
    report.model = model_of(plan_);
    if (!is_storm(plan_.scenario)) report.wanted = plan_.connections;
    if (is_fanout(plan_.scenario)) report.unit = "deliveries";
    if (plan_.scenario == Scenario::events) report.unit = "events";
    if (plan_.scenario == Scenario::socketio_polling) report.unit = "requests";
    if (is_storm(plan_.scenario) || is_idle(plan_.scenario)) report.unit = "connections";
    report.holds = is_idle(plan_.scenario);
    if (plan_.compress && report.wanted > 0) report.compressed = 0;
    return report;
}

Report LoadTest::failed(const EndpointError& error) const {
    Report report = head();
    report.errors.add(error.fault);
    return report;
}

Report LoadTest::finish() {
    threads_.clear();
    Report report = head();
    const bool published = publishes(plan_);
    if (published) report.missing = 0;
    for (const auto& worker : workers_) {
        const Outcome& one = worker->outcome();
        report.latency.merge(one.latency);
        report.errors.merge(one.errors);
        report.count += one.count;
        report.opened += one.opened;
        if (report.compressed) *report.compressed += one.compressed;
        report.other_messages += one.other_messages;
        report.opening_seconds =
            std::max(report.opening_seconds, static_cast<double>(one.opening_ns) / 1e9);
        report.seconds = std::max(report.seconds, one.seconds);
        // Each thread has measured the whole process.
        report.client_cpu_seconds = std::max(report.client_cpu_seconds, one.client_cpu_seconds);
        if (published) *report.missing += one.missing;
        if (!plan_.server_pids.empty())
            report.server_cpu_seconds =
                std::max(report.server_cpu_seconds.value_or(0), one.server_cpu_seconds);
    }
    if (published)
        report.wanted_per_second = static_cast<double>(plan_.rate) * plan_.connections;
    else if (plan_.rate > 0 && plan_.scenario != Scenario::events)
        report.wanted_per_second = plan_.rate;
    if (!plan_.server_pids.empty() && report.wanted > 0 && report.opened > 0)
        report.server_bytes_each =
            static_cast<double>(shared_.server_bytes - server_bytes_before_) / report.opened;
    report.interrupted = shared_.stop;
    // Nobody knows how many events were due; but no event at all is no result.
    if (plan_.scenario == Scenario::events && !published && report.count == 0 &&
        report.errors.total() == 0 && !report.interrupted)
        report.errors.add({Fault::Kind::silent, 0,
                           "no event came; with --publish-url this test publishes some itself"});
    return report;
}

}  // namespace starling::load
