#include "webhook/delivery.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "webhook/backlog.h"

namespace starling::webhook {
namespace {

using Phase = Delivery::Phase;
using Event = Delivery::Event;
using Effects = Delivery::Effects;

constexpr Effects nothing{};
constexpr Effects ready{.ready = true};
constexpr Effects start_timer{.start_timer = true};
constexpr Effects lost{.lost = true};
constexpr Effects done{.done = true};
constexpr Effects lost_and_done{.lost = true, .done = true};

struct Row {
    Phase phase;
    Event event;
    Phase next;
    Effects effects;
};

// An event without a row is a bug of the caller, and fails an assertion.
constexpr Row rows[] = {
    {Phase::idle, Event::offered, Phase::due, ready},
    {Phase::idle, Event::ended, Phase::done, done},
    {Phase::idle, Event::dropped, Phase::done, done},

    {Phase::due, Event::started, Phase::flying, nothing},
    {Phase::due, Event::dropped, Phase::done, lost_and_done},

    {Phase::flying, Event::delivered, Phase::idle, nothing},
    {Phase::flying, Event::failed, Phase::pausing, start_timer},
    {Phase::flying, Event::lost, Phase::idle, lost},
    {Phase::flying, Event::dropped, Phase::done, lost_and_done},

    {Phase::pausing, Event::timer, Phase::due, ready},
    {Phase::pausing, Event::dropped, Phase::done, lost_and_done},
};

}  // namespace

Delivery* Deliveries::excess() const noexcept {
    if (endings_ <= options_.endings_max) return nullptr;
    return &static_cast<Backlog*>(oldest_.next())->owner;
}

void Deliveries::add_ending(Backlog& backlog) noexcept {
    backlog.insert_before(oldest_);
    ++endings_;
}

void Deliveries::remove_ending(Backlog& backlog) noexcept {
    if (!backlog.linked()) return;
    backlog.unlink();
    --endings_;
}

Delivery::Delivery(Deliveries& worker, Begin begin) : worker_(worker) {
    if (begin == Begin::with_open) {
        backlog();
        phase_ = Phase::due;
    } else {
        sequence_ = 1;
        heard_ = true;
    }
}

Delivery::~Delivery() { release(); }

bool Delivery::fits(size_t data_bytes) const noexcept {
    if (messages() == 0) return true;
    const auto& options = worker_.options();
    return messages() < options.messages_max &&
           message_bytes() + data_bytes <= options.message_bytes_max && worker_.budget().has_room();
}

void Delivery::open_with(std::string data) {
    assert(sequence_ == 0 && phase_ == Phase::due && action_ == Action::open);
    backlog().set_open(std::move(data));
}

Effects Delivery::push(std::string data, std::optional<uint64_t> ack_id) {
    assert(!ending_ && phase_ != Phase::done);
    backlog().push(std::move(data), ack_id, false);
    return pushed();
}

Effects Delivery::push_ack(std::string data, uint64_t ack_id) {
    assert(!ending_ && phase_ != Phase::done);
    backlog().push(std::move(data), ack_id, true);
    return pushed();
}

Effects Delivery::pushed() {
    Effects effects;
    if (phase_ == Phase::idle) effects = advance(effects);
    regulate(effects);
    return effects;
}

Effects Delivery::end(size_t kept_bytes) {
    if (ending_ || phase_ == Phase::done) return {};
    worker_.add_ending(backlog());
    backlog_->keep(kept_bytes);
    ending_ = true;
    return phase_ == Phase::idle ? advance({}) : Effects{};
}

Delivery::Due Delivery::due() const noexcept {
    assert(phase_ != Phase::idle && phase_ != Phase::done);
    if (action_ == Action::message)
        return {backlog_->front_is_ack() ? Action::ack : Action::message, backlog_->front(),
                sequence_, backlog_->tries, backlog_->front_ack_id()};
    const bool has_data = action_ == Action::open && !backlog_->open_data().empty();
    return {action_, has_data ? backlog_->open_data() : "{}", sequence_, backlog_->tries};
}

void Delivery::started(uint64_t now_ms) noexcept {
    (void)step(Event::started);
    if (backlog_->tries == 0) backlog_->first_try_ms = now_ms;
}

Effects Delivery::finished(const Outcome& outcome, uint64_t now_ms, uint32_t random) {
    assert(phase_ == Phase::flying);
    if (outcome.sent || outcome.status != 0) heard_ = true;
    const RetryOptions& retry = worker_.options().retry;
    Verdict verdict = judge(outcome, retry.rules);
    // A missing `close` costs the application more than a `close` that comes twice. One more try, lest a `close` on
    // which the application dies kills it again and again.
    if (verdict == Verdict::lost && action_ == Action::close && outcome.cut_off() &&
        !std::exchange(backlog_->cut_off, true))
        verdict = Verdict::again;
    if (verdict == Verdict::again) {
        const uint64_t give_up_ms =
            backlog_->first_try_ms +
            (action_ == Action::close ? retry.close_retry_for_ms : retry.retry_for_ms);
        if (now_ms < give_up_ms) {
            ++backlog_->tries;
            backlog_->next_try_ms =
                std::min(now_ms + pause_ms(retry, backlog_->tries, random, outcome.retry_after_ms),
                         give_up_ms);
            return step(Event::failed);
        }
    }
    Effects effects = step(verdict == Verdict::delivered ? Event::delivered : Event::lost);
    ++sequence_;
    backlog_->tries = 0;
    if (action_ == Action::message) backlog_->pop();
    if (action_ == Action::open) backlog_->set_open({});
    effects = advance(effects);
    regulate(effects);
    return effects;
}

Effects Delivery::on_timer(uint64_t now_ms) noexcept {
    return now_ms >= deadline_ms() ? step(Event::timer) : Effects{};
}

Effects Delivery::drop() noexcept {
    if (phase_ == Phase::done) return {};
    release();
    paused_ = false;
    return step(Event::dropped);
}

uint64_t Delivery::deadline_ms() const noexcept {
    return phase_ == Phase::pausing ? backlog_->next_try_ms : UINT64_MAX;
}

size_t Delivery::messages() const noexcept { return backlog_ ? backlog_->messages() : 0; }

size_t Delivery::message_bytes() const noexcept { return backlog_ ? backlog_->bytes() : 0; }

Effects Delivery::step(Event event) noexcept {
    for (const Row& row : rows) {
        if (row.phase != phase_ || row.event != event) continue;
        phase_ = row.next;
        return row.effects;
    }
    assert(false && "an event that this phase does not know");
    return {};
}

// In the phase idle: makes the next webhook due, or finds that there is none.
Effects Delivery::advance(Effects effects) {
    const bool closed = action_ == Action::close;
    if (messages() > 0)
        action_ = Action::message;
    else if (ending_ && heard_ && !closed)
        action_ = Action::close;
    else {
        // An idle connection keeps no memory. An ending one without a `close` to send is done.
        release();
        if (ending_) effects.done = step(Event::ended).done;
        return effects;
    }
    effects.ready = step(Event::offered).ready;
    return effects;
}

Backlog& Delivery::backlog() {
    if (!backlog_) backlog_ = std::make_unique<Backlog>(*this, worker_.budget());
    return *backlog_;
}

void Delivery::release() noexcept {
    if (!backlog_) return;
    worker_.remove_ending(*backlog_);
    backlog_.reset();
}

bool Delivery::full() const noexcept {
    const auto& options = worker_.options();
    return messages() >= options.messages_max || message_bytes() >= options.message_bytes_max ||
           !worker_.budget().has_room();
}

// A paused connection has a message in its own queue, so regulate() is called for it again. So no
// connection has to be notified when another one makes room in the budget.
void Delivery::regulate(Effects& effects) noexcept {
    if (ending_) return;
    if (!paused_ && messages() > 0 && full()) {
        paused_ = effects.pause = true;
        return;
    }
    const auto& options = worker_.options();
    const bool low = messages() <= options.messages_max / 2 &&
                     message_bytes() <= options.message_bytes_max / 2 &&
                     worker_.budget().has_room();
    if (paused_ && (messages() == 0 || low)) {
        paused_ = false;
        effects.resume = true;
    }
}

}  // namespace starling::webhook
