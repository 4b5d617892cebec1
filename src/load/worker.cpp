#include "load/worker.h"

#include <algorithm>
#include <utility>

#include "load/measure/schedule.h"

namespace starling::load {
namespace {

constexpr uint64_t opening_wait_ns = 5'000'000, late_check_ns = 20'000'000;

uint32_t share_of(uint32_t connections, uint32_t number, uint32_t threads) {
    return connections / threads + (number < connections % threads ? 1 : 0);
}

uint64_t nanoseconds(double seconds) { return static_cast<uint64_t>(seconds * 1e9); }

}  // namespace

Worker::Worker(const Plan& plan, const Places& places, Shared& shared, uint32_t number)
    : plan_(plan),
      places_(places),
      shared_(shared),
      number_(number),
      share_(share_of(plan.connections, number, plan.threads)),
      engine_(plan, *this),
      target_{&places.server, plan.raw ? "" : upgrade_request(places.server.upgrade)},
      usage_(plan.server_pids) {}

void Worker::run() {
    opening_from_ns_ = now_ns();
    if (opens_first()) open_links_first();
    wait_for_others();
    if (!stopped()) load();
    for (const auto& link : links_) engine_.close(*link);
    finish(outcome_);
}

void Worker::start(Link& link, const Target& target) {
    ++pending_;
    engine_.open(link, target);
}

void Worker::start_beside(Link& link, const Target& target) {
    beside_.push_back(&link);
    start(link, target);
}

void Worker::on_open(Link& link) { ready(link); }

void Worker::became_ready(Link& link) {
    link.ready = true;
    --pending_;
    ++open_;
    ++outcome_.opened;
    if (link.deflate_bits > 0) ++outcome_.compressed;
    outcome_.opening_ns = now_ns() - opening_from_ns_;
    add(shared_.live[number_].open, 1U);
}

void Worker::left(Link& link) {
    if (link.ready) {
        --open_;
        add(shared_.live[number_].open, ~uint32_t{0});
    } else {
        --pending_;
    }
    link.ready = false;
}

void Worker::end(Link& link, bool reset) {
    engine_.close(link, reset);
    left(link);
}

void Worker::fail(Link& link, Fault::Kind kind, uint16_t code, std::string text) {
    engine_.fail(link, {kind, code, std::move(text)});
}

void Worker::on_failed(Link& link, const Fault& fault) {
    left(link);
    note(fault);
    lost(link);
}

void Worker::count(uint64_t number) noexcept {
    add(shared_.live[number_].count, number);
    if (measuring_) outcome_.count += number;
}

void Worker::note(const Fault& fault, uint64_t times) {
    outcome_.errors.add(fault, times);
    add(shared_.live[number_].errors, times);
}

void Worker::open_links_first() {
    open_more();
    const uint64_t ramp = nanoseconds(plan_.ramp_up_seconds);
    while (!stopped() && (links_.size() < share_ || pending_ > 0)) {
        const uint32_t due = opened_by(now_ns() - opening_from_ns_, ramp, share_);
        while (links_.size() < due && pending_ < opening_max) {
            Link& link = *links_.emplace_back(make_link());
            link.index = static_cast<uint32_t>(links_.size() - 1) * plan_.threads + number_;
            start(link, target_);
        }
        poll({.wait_ns = opening_wait_ns});
        if (pending_ > 0) end_late(now_ns());
    }
}

void Worker::end_late(uint64_t now) {
    if (now - late_checked_ns_ < late_check_ns) return;
    late_checked_ns_ = now;
    for (const auto& link : links_)
        if (is_late(*link, now)) fail(*link, Fault::Kind::timeout);
    for (Link* const link : beside_)
        if (is_late(*link, now)) fail(*link, Fault::Kind::timeout);
}

bool Worker::is_late(const Link& link, uint64_t now) const noexcept {
    return link.is_open() && !link.ready &&
           now - link.started_ns >= nanoseconds(plan_.timeout_seconds);
}

// The last thread that is ready begins the load for all of them.
void Worker::wait_for_others() {
    if (shared_.ready.fetch_add(1) + 1 == plan_.threads) {
        shared_.server_bytes = static_cast<int64_t>(dirty_bytes(plan_.server_pids, true));
        shared_.phase = Phase::warm_up;
        shared_.begin_ns = now_ns();
    }
    while (!stopped() && shared_.begin_ns.load() == 0) poll({.wait_ns = opening_wait_ns});
}

void Worker::load() {
    from_ns_ = shared_.begin_ns.load() + nanoseconds(plan_.warmup_seconds);
    const uint64_t end = from_ns_ + nanoseconds(plan_.seconds);
    begin(now_ns());
    for (uint64_t now = now_ns(); now < end && !stopped(); now = now_ns()) {
        if (!measuring_ && now >= from_ns_) {
            measuring_ = true;
            usage_.restart();
            if (number_ == 0) shared_.phase = Phase::measure;
        }
        if (opens_first() && open_ == 0) break;  // There is nobody left to talk to.
        if (pending_ > 0) end_late(now);
        Pause pause = turn(now);
        pause.wait_ns = std::min(pause.wait_ns, end - now);
        poll(pause);
    }
    if (!stopped()) last_turn(end);
    if (measuring_) {
        usage_.stop();
        outcome_.seconds = usage_.seconds();
        outcome_.client_cpu_seconds = usage_.client_seconds();
        outcome_.server_cpu_seconds = usage_.server_seconds();
    }
    measuring_ = false;
    if (!stopped()) drain();
}

void Worker::drain() {
    if (number_ == 0) shared_.phase = Phase::drain;
    const uint64_t end = now_ns() + nanoseconds(plan_.timeout_seconds);
    while (!stopped() && outstanding() > 0 && open_ + pending_ > 0 && now_ns() < end) poll(rest());
    if (!stopped() && outstanding() > 0) give_up();
}

void Worker::poll(Pause pause) {
    if (engine_.poll(pause.nap_ns > 0 ? 0 : pause.wait_ns) == 0 && pause.nap_ns > 0)
        nap(pause.nap_ns);
}

}  // namespace starling::load
