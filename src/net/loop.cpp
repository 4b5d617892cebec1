#include "net/loop.h"

#include <algorithm>
#include <cstddef>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "base/block_cache.h"
#include "net/tls_filter.h"

namespace starling::net {
namespace {

// A step of the wheel may have the pings of thousands of connections, and each ping has a chunk of
// 4 KiB until it is sent. So they are sent in parts as small as those of epoll_wait().
constexpr size_t timeouts_per_settle_max = 64;
constexpr uint64_t timer_ms_max = uint64_t{1} << 40;  // 34 years: no sum overflows.

// So many entries of streams that have had their turn are kept at least.
constexpr size_t late_flushed_max = 4096;

}  // namespace

Loop::Clock Loop::steady_clock() {
    return [] {
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        return static_cast<uint64_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
    };
}

Loop::Loop(std::unique_ptr<Backend> backend, LoopLimits limits, Clock clock)
    : limits_(limits),
      clock_(std::move(clock)),
      backend_(std::move(backend)),
      now_ms_(clock_()),
      wheel_(now_ms_) {
    spare_outboxes_.reserve(spare_outboxes_max);
}

Loop::~Loop() {
    const Tick tick(*this);
    for (uint32_t slot = 0; slot < streams_.slots(); ++slot)
        if (Stream* stream = streams_.object_at(slot)) stream->finish(CloseReason::local);
    settle(true);
    while (cancelling_.linked()) {
        backend_->wait(-1);
        guarded([&] { backend_->dispatch(); });
        settle(true);
    }
}

void Loop::stop() {
    stopping_.store(true, std::memory_order_release);
    backend_->wake();
}

void Loop::run() {
    while (!stopping_.load(std::memory_order_acquire)) run_once(-1);
    leave();
}

// The wait is not guarded: if the kernel refuses to start a ring, in the first tick or the first one on another thread,
// then this loop can serve nobody.
//
// Reading the clock costs more than all counters of a tick, so only one tick in many is timed.
void Loop::run_once(int timeout_ms_max) {
    const Tick tick(*this);
    backend_->wait(wait_ms(timeout_ms_max));
    now_ms_ = clock_();
    if (--ticks_until_sample_ > 0) [[likely]]
        return work();
    ticks_until_sample_ = LoopFigures::ticks_per_sample;
    using std::chrono::steady_clock;
    const auto began = steady_clock::now();
    work();
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began);
    figures_.tick_time.record(static_cast<uint64_t>(took.count()));
}

void Loop::work() {
    due_turns_.swap(turns_);
    guarded([&] { backend_->dispatch(); });
    take_turns();
    tasks_.drain([this](base::Task& task) { guarded([&] { task.run(); }); });
    guarded([&] {
        timers_.run(now_ms_, [this](const std::function<void()>& call) { guarded(call); });
    });
    if (now_ms_ >= wheel_.next_tick_ms()) {
        wheel_.advance(now_ms_, [this](TimerEntry& entry) {
            static_cast<Stream&>(entry).timed_out();
            if (dirty_.size() >= timeouts_per_settle_max) settle();
        });
        close_stalled();
        chunks_.trim();
        if (auto* const blocks = base::BlockCache::of_this_thread()) blocks->trim();
        streams_.trim();
        rest_tls();
    }
    settle();
}

uint64_t Loop::waiting_bytes() const noexcept {
    uint64_t sum = 0;
    for (const base::ListLink* link = blocked_.next(); link != &blocked_; link = link->next())
        sum += static_cast<const Outbox&>(*link).bytes();
    return sum;
}

int Loop::wait_ms(int timeout_ms_max) {
    if (!tasks_.empty() || stopping_.load(std::memory_order_acquire)) return 0;
    // Streams written or closed between two ticks must not wait for an event.
    if (!dirty_.empty() || closing_.linked() || !redeliver_.empty()) return 0;
    if (!turns_.empty() || late_streams() != 0) return 0;
    uint64_t until_ms = UINT64_MAX, now_ms = now_ms_;
    if (const auto due_ms = timers_.next_due_ms()) until_ms = *due_ms, now_ms = clock_();
    // Without streams there are no coarse timeouts, and the process can sleep once its memory is given back.
    const auto keeps = [this] {
        const auto* const blocks = base::BlockCache::of_this_thread();
        return chunks_.kept() != 0 || (blocks && blocks->kept_bytes() != 0);
    };
    if (streams_.size() != 0 || keeps()) until_ms = std::min(until_ms, wheel_.next_tick_ms());
    if (until_ms == UINT64_MAX) return timeout_ms_max;
    const uint64_t wait = until_ms > now_ms ? until_ms - now_ms : 0;
    const int bounded = static_cast<int>(std::min<uint64_t>(wait, 60'000));
    return timeout_ms_max < 0 ? bounded : std::min(bounded, timeout_ms_max);
}

void Loop::take_turns() {
    for (Stream* const stream : due_turns_) stream->take_turn();
    due_turns_.clear();
}

void Loop::tell_escaped(std::string_view what) noexcept {
    try {
        if (escaped_) escaped_(what);
    } catch (...) {
        // Reporting failed, for example because memory ran out: the exception is dropped.
    }
}

void Loop::settle(bool whole) {
    if (dirty_.size() > limits_.flushes.unasked_max || late_streams() != 0) [[unlikely]]
        settle_crowd(whole);
    while (!dirty_.empty() || closing_.linked() || !redeliver_.empty()) {
        // By index: each list may grow during the loop.
        for (size_t i = 0; i < redeliver_.size(); ++i) redeliver_[i]->redeliver();
        redeliver_.clear();
        // A connection that closed, or was redelivered to, may have written to a crowd.
        if (dirty_.size() > limits_.flushes.unasked_max) [[unlikely]]
            settle_crowd(whole);
        for (size_t i = 0; i < dirty_.size(); ++i) dirty_[i]->flush();
        dirty_.clear();
        if (closing_.linked() && !reap_closing() && late_streams() != 0) break;
    }
    while (!replaced_.empty()) {
        // The handler's destructor may replace another handler.
        const auto freed = std::move(replaced_.back());
        replaced_.pop_back();
    }
}

void Loop::settle_crowd(bool whole) {
    FlushTurn turn(limits_.flushes, whole);
    settle_new(turn);
    if (late_streams() == 0) return;
    // A time of their own: those that are new in each tick cannot take all of it.
    FlushLimits limits = limits_.flushes;
    limits.unasked_max = 0;
    FlushTurn late(limits, whole);
    flush_late(late);
    settle_new(turn);
}

// A closed stream in late_ is reaped after its turn there, in a later tick.
void Loop::settle_new(FlushTurn& turn) {
    bool reaps = true;
    while (!dirty_.empty() || !redeliver_.empty() || (reaps && closing_.linked())) {
        // By index: each list may grow during the loop.
        for (size_t i = 0; i < redeliver_.size(); ++i) redeliver_[i]->redeliver();
        redeliver_.clear();
        flush_dirty(turn);
        reaps = reap_closing();
    }
}

void Loop::flush_dirty(FlushTurn& turn) {
    size_t i = 0;
    for (; i < dirty_.size() && turn.goes_on(); ++i) dirty_[i]->flush();
    if (i < dirty_.size()) {
        const bool kept = guarded([&] {
            late_.insert(late_.end(), dirty_.begin() + static_cast<std::ptrdiff_t>(i),
                         dirty_.end());
        });
        for (; !kept && i < dirty_.size(); ++i) dirty_[i]->flush();
    }
    dirty_.clear();
}

// After the streams of this tick: a crowd from an earlier tick delays nobody else.
void Loop::flush_late(FlushTurn& turn) {
    for (size_t done = 0; late_streams() != 0 && turn.late_goes_on(done); ++done)
        late_[late_at_++]->flush();
    if (late_streams() == 0) {
        std::vector<Stream*>().swap(late_);
        late_at_ = 0;
    } else if (late_at_ >= late_flushed_max && late_at_ >= late_streams()) {
        late_.erase(late_.begin(), late_.begin() + static_cast<std::ptrdiff_t>(late_at_));
        late_at_ = 0;
    }
}

bool Loop::reap_closing() {
    bool reaped = false;
    base::ListLink waiting;  // Streams that are in another list.
    while (closing_.linked()) {
        auto& stream = static_cast<Stream&>(*closing_.next());
        stream.unlink();
        if (stream.is_listed() || stream.redeliver_) {
            stream.insert_before(waiting);
        } else {
            reap(stream);
            reaped = true;
        }
    }
    closing_.take_all(waiting);
    return reaped;
}

void Loop::reap(Stream& stream) {
    STARLING_ASSERT(!stream.is_sending());
    if (stream.handler_) guarded([&] { stream.handler_->on_closed(stream.reason_); });
    stream.release_outbox();
    if (stream.waits_for_turn()) std::erase(turns_, &stream);
    streams_.remove(stream);
}

void Loop::close_stalled() {
    base::ListLink checked;
    while (blocked_.linked()) {
        base::ListLink& link = *blocked_.next();
        link.unlink();
        link.insert_before(checked);
        static_cast<Outbox&>(link).stream->check_stall();
    }
    blocked_.take_all(checked);
}

void Loop::rest_tls() noexcept {
    while (tls_in_use_.linked()) {
        auto& filter = static_cast<TlsFilter&>(*tls_in_use_.next());
        if (!filter.is_idle(now_ms_)) return;
        filter.rest();
    }
}

Stream& Loop::open(Descriptor fd, std::unique_ptr<StreamHandler> handler) {
    return open(std::move(fd), std::move(handler), std::unique_ptr<Stream::Rare>());
}

Stream& Loop::open(Descriptor fd, std::unique_ptr<StreamHandler> handler,
                   std::unique_ptr<TlsFilter> tls) {
    std::unique_ptr<Stream::Rare> rare;
    if (tls) {
        rare = std::make_unique<Stream::Rare>();
        rare->tls = std::move(tls);
    }
    return open(std::move(fd), std::move(handler), std::move(rare));
}

Stream& Loop::open(Detached detached) {
    std::unique_ptr<Stream::Rare> rare;
    if (detached.tls || detached.kept) {
        rare = std::make_unique<Stream::Rare>();
        rare->tls = std::move(detached.tls);
        rare->kept = std::move(detached.kept);
    }
    Stream& stream = open(std::move(detached.fd), std::move(detached.handler), std::move(rare));
    stream.end_held_ = detached.ended;
    return stream;
}

Stream& Loop::open(Descriptor fd, std::unique_ptr<StreamHandler> handler,
                   std::unique_ptr<Stream::Rare> rare) {
    STARLING_ASSERT(touched_by_own_thread());
    // All memory is allocated first: once the stream exists nothing here may fail.
    const bool secure = rare && rare->tls;
    if (secure && scratch_.empty())
        scratch_.resize(Backend::receive_headroom_bytes + TlsSession::read_bytes_min);
    Stream* const stream = &streams_.emplace(std::move(fd), std::move(handler), std::move(rare));
    if (backend_->add(*stream)) stream->finish(CloseReason::failed);
    // The client's side of TLS speaks first.
    if (secure && stream->queued_bytes() != 0 && stream->is_open())
        (void)stream->guarded([&] { stream->mark_dirty(); });
    return *stream;
}

TimerId Loop::after(uint64_t delay_ms, std::function<void()> call) {
    STARLING_ASSERT(touched_by_own_thread());
    return timers_.add(clock_() + std::min(delay_ms, timer_ms_max), 0, std::move(call));
}

TimerId Loop::every(uint64_t period_ms, std::function<void()> call) {
    STARLING_ASSERT(touched_by_own_thread());
    const uint64_t period = std::clamp<uint64_t>(period_ms, 1, timer_ms_max);
    return timers_.add(clock_() + period, period, std::move(call));
}

}  // namespace starling::net
