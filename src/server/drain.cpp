// server/drain.cpp: a slow stop: a time in which only readiness fails, then the connections are
// closed evenly over a time, and new ones are refused last.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "base/checked_cast.h"
#include "server/connection.h"
#include "server/extension.h"
#include "server/state.h"

namespace starling {
namespace {

// Connections that were accepted just before a successor took over send their request meanwhile.
constexpr std::chrono::milliseconds hand_over_min{1000};

uint64_t ms_of(std::chrono::milliseconds time) {
    return static_cast<uint64_t>(std::max<int64_t>(time.count(), 0));
}

}  // namespace

void Server::drain() { drain(state_->site.ending->drain); }

void Server::drain(const Drain& how) {
    if (!state_->started) return stop();
    if (state_->claim_drain()) state_->begin_drain(how);
}

// A stop and a hand-over on two threads: one of them is the first.
bool Server::State::claim_drain() {
    return group.drain.exchange(server::DrainPhase::announced) == server::DrainPhase::none;
}

void Server::State::begin_drain(const Drain& how) {
    net::Loop& first = group.workers.front()->loop();
    const std::array fields{
        log::Field{"pid", static_cast<int64_t>(::getpid())},
        log::Field{"announce_s", static_cast<double>(how.announce.count()) / 1e3},
        log::Field{"seconds", static_cast<double>(how.over.count()) / 1e3}};
    if (group.log) group.log->write(log::Level::info, "draining", fields);
    group.drain_ends_ms = server::steady_ms() + ms_of(how.announce) + ms_of(how.over);
    first.post([this, &first, how] {
        first.after(ms_of(how.announce), [this, how] { close_evenly(ms_of(how.over)); });
    });
}

// On the first worker's thread.
void Server::State::close_evenly(uint64_t over_ms) {
    group.drain = server::DrainPhase::closing;
    group.drain_started_with = group.connections.load(std::memory_order_relaxed);
    for (const auto& worker : group.workers)
        worker->post([worker = worker.get(), over_ms] { worker->drain(over_ms); });
    group.workers.front()->loop().after(over_ms, [this] {
        if (stops == 0) stop_now();
    });
}

bool Server::draining() const noexcept {
    return state_->group.drain.load(std::memory_order_relaxed) != server::DrainPhase::none;
}

bool Server::hand_over() {
    State& state = *state_;
    if (!state.started || !state.claim_drain() || state.group.stopping) return false;
    stop_listening();
    const auto over = std::max(state.site.ending->drain.over, hand_over_min);
    state.begin_drain({.announce = {}, .over = over});
    return true;
}

bool Server::handed_over() const noexcept {
    return state_->group.handed_over.load(std::memory_order_relaxed);
}

void Server::stop_listening() {
    State& state = *state_;
    if (!state.started) return;
    state.group.handed_over = true;
    for (const auto& extension : state.extensions) extension->stop_listening();
    for (const auto& worker : state.group.workers)
        worker->post([worker = worker.get()] { worker->leave_listeners(); });
    for (auto& address : state.bound) address.unix_file.keep();
}

std::vector<int> Server::listening_sockets() const {
    std::vector<int> all;
    for (const auto& address : state_->bound)
        all.insert(all.end(), address.descriptors.begin(), address.descriptors.end());
    for (const auto& extension : state_->extensions) extension->add_listening_sockets(all);
    return all;
}

}  // namespace starling

namespace starling::server {

uint64_t steady_ms() noexcept {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

void Worker::drain(uint64_t over_ms) {
    restarts_ = true;
    if (stopping_ || over_ms == 0) return;  // A stop, which follows at once, spreads them too.
    drain_ends_ms_ = loop_.now_ms() + over_ms;
    drain_slots_ = loop_.streams().slots();
    drain_timer_ = loop_.every(close_round_ms, [this, over_ms] { drain_some(over_ms); });
    drain_some(over_ms);
}

// Tells as many connections as are due now, the first one at once. Their slots tell the order.
void Worker::drain_some(uint64_t over_ms) {
    close_told();
    if (stopping_) return end_drain();
    const uint64_t left_ms = drain_ends_ms_ - std::min(drain_ends_ms_, loop_.now_ms());
    const uint64_t due = drain_slots_ * (over_ms - left_ms) / over_ms + 1;
    const auto end = static_cast<uint32_t>(std::min<uint64_t>(due, drain_slots_));
    for (; close_from_slot_ < end; ++close_from_slot_) (void)tell(close_from_slot_);
    if (close_from_slot_ == drain_slots_ && told_.empty()) end_drain();
}

void Worker::end_drain() {
    if (drain_timer_) loop_.cancel_timer(std::exchange(drain_timer_, 0));
    close_from_slot_ = 0;  // Connections that have come meanwhile are told by the stop.
}

void Worker::leave_listeners() {
    listeners_.clear();
    for (Extension* const extension : group_.extensions) extension->successor_serves(*this);
}

}  // namespace starling::server
