// net/loop.h: one thread's loop: streams, timers, calls from other threads.
//
// A tick: wait for completions and report them; run calls posted by other threads; run timers; send
// what was queued, with one system call per connection; free what was closed. If a crowd of streams
// has queued something, later ticks send the rest, see net/flush_turn.h.
//
// Owner: server::Worker (or a test). Thread: the one that calls run(); post() and stop() any
//        thread. Other threads write the cache lines of tasks_ only, and read those of what is fixed.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cache_line.h"
#include "base/exception_text.h"
#include "base/lifetime.h"
#include "base/log_histogram.h"
#include "base/slot_pool.h"
#include "base/task.h"
#include "net/backend.h"
#include "net/flush_turn.h"
#include "net/make_backend.h"
#include "net/outbox.h"
#include "net/stream.h"
#include "net/timer_wheel.h"
#include "net/timers.h"

namespace starling::net {

struct LoopLimits {
    // A peer is cut off if bytes wait for it and it acknowledges nothing for this long.
    uint64_t stalled_ms_max = 10'000;
    FlushLimits flushes{};
};

// What a loop has done since its start.
struct LoopFigures {
    uint64_t ticks = 0;
    // How long a tick takes, without its wait: one tick in LoopFigures::ticks_per_sample is timed.
    static constexpr uint32_t ticks_per_sample = 32;
    base::LogHistogram tick_time;
    // TLS handshakes of all streams, in either role.
    uint64_t tls_handshakes = 0, tls_handshakes_failed = 0;
};

class alignas(base::cache_line_bytes) Loop {
public:
    using Clock = std::function<uint64_t()>;  // Milliseconds; never goes back.
    // Gets the text of an exception that escaped from a task or timer; the loop goes on.
    using Escaped = std::function<void(std::string_view what)>;

    explicit Loop(std::unique_ptr<Backend> backend = make_backend(Io::automatic),
                  LoopLimits limits = {}, Clock clock = steady_clock());
    ~Loop();  // Closes every stream, with on_closed().
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Any thread.
    template <class F>
    void post(F&& call) {
        // The loop's own thread looks for tasks before it waits, so it needs no wake().
        if (tasks_.push(base::Task::of(std::forward<F>(call))) && !in_loop_thread())
            backend_->wake();
    }
    void stop();
    [[nodiscard]] bool in_loop_thread() const noexcept { return base::running == this; }
    // False while another thread is in a tick of this loop. Between two ticks any thread may touch
    // the loop, if the program lets no other thread run it: the thread that builds or destroys a
    // server, also in a handler of another loop. For assertions.
    [[nodiscard]] bool touched_by_own_thread() const noexcept {
        const void* const thread = ticking_on_.load(std::memory_order_relaxed);
        return !thread || thread == this_thread();
    }

    // From here on on the loop's thread only.
    void run();                         // Until stop().
    void run_once(int timeout_ms_max);  // One tick. Throws system_error if io_uring does not start.
    // After run_once(): another thread may go on. run() does it itself.
    void leave() noexcept { backend_->leave(); }

    Stream& open(Descriptor fd, std::unique_ptr<StreamHandler> handler);
    // `tls` is null for a plain connection.
    Stream& open(Descriptor fd, std::unique_ptr<StreamHandler> handler,
                 std::unique_ptr<TlsFilter> tls);
    // Continues a stream that Stream::detach() took off another loop. The stream is open and
    // receives. Kept input and the peer's end are delivered once the handler calls
    // resume_receiving().
    Stream& open(Detached detached);
    // Null if the stream is closed.
    [[nodiscard]] Stream* find(base::SlotKey key) const noexcept { return streams_.find(key); }
    using Streams = base::SlotPool<Stream, Loop>;
    // Stores a number that other threads can read, see SlotTable::note().
    void note(base::SlotKey key, uint32_t note) noexcept { streams_.set_note(key, note); }
    [[nodiscard]] const Streams& streams() const noexcept { return streams_; }

    TimerId after(uint64_t delay_ms, std::function<void()> call);
    TimerId every(uint64_t period_ms, std::function<void()> call);
    bool cancel_timer(TimerId id) noexcept { return timers_.cancel(id); }

    // The time at the start of this tick.
    [[nodiscard]] uint64_t now_ms() const noexcept { return now_ms_; }
    [[nodiscard]] Backend& backend() noexcept { return *backend_; }
    // A buffer for the plaintext of one TLS record, with headroom before it, valid until the next
    // call of any function. Empty if no stream has used TLS yet.
    [[nodiscard]] std::span<std::byte> scratch() noexcept {
        return std::span(scratch_).subspan(
            std::min(scratch_.size(), Backend::receive_headroom_bytes));
    }
    [[nodiscard]] LoopFigures figures() const noexcept {
        LoopFigures now = figures_;
        // Only the samples are counted as they come.
        now.ticks =
            (figures_.tick_time.total() + 1) * LoopFigures::ticks_per_sample - ticks_until_sample_;
        return now;
    }
    // Streams that wait for a later tick, because too many have queued something.
    [[nodiscard]] size_t late_streams() const noexcept { return late_.size() - late_at_; }
    // Bytes that wait for peers whose send is pending. Looks at each such peer.
    [[nodiscard]] uint64_t waiting_bytes() const noexcept;
    void on_escaped(Escaped escaped) { escaped_ = std::move(escaped); }

    [[nodiscard]] static Clock steady_clock();

private:
    friend class Acceptor;
    friend class Stream;
    friend class TlsFilter;
    friend class Watch;

    Stream& open(Descriptor fd, std::unique_ptr<StreamHandler> handler,
                 std::unique_ptr<Stream::Rare> rare);
    void work();  // What a tick does after its wait.
    [[nodiscard]] int wait_ms(int timeout_ms_max);
    // Flushes and reaps until neither has work that is due in this tick. `whole`: until all is done.
    void settle(bool whole = false);
    void settle_crowd(bool whole);
    void settle_new(FlushTurn& turn);
    void flush_dirty(FlushTurn& turn);
    void flush_late(FlushTurn& turn);
    [[nodiscard]] bool reap_closing();  // False: no stream could be reaped.
    void reap(Stream& stream);
    void close_stalled();
    void rest_tls() noexcept;
    void take_turns();
    // False: an exception escaped and was reported.
    template <class F>
    bool guarded(F&& call) noexcept {
        try {
            call();
            return true;
        } catch (...) {
            tell_escaped(base::describe_current_exception());
        }
        return false;
    }
    void tell_escaped(std::string_view what) noexcept;

    // Makes this loop the one that its thread runs, for the length of a tick or of the destructor.
    class Tick {
    public:
        explicit Tick(Loop& loop) noexcept
            : loop_(loop),
              outer_loop_(std::exchange(base::running, &loop)),
              outer_thread_(loop.ticking_on_.load(std::memory_order_relaxed)) {
            loop_.ticking_on_.store(this_thread(), std::memory_order_relaxed);
        }
        ~Tick() {
            loop_.ticking_on_.store(outer_thread_, std::memory_order_relaxed);
            base::running = outer_loop_;
        }
        Tick(const Tick&) = delete;
        Tick& operator=(const Tick&) = delete;

    private:
        Loop& loop_;
        const void* const outer_loop_;
        const void* const outer_thread_;
    };
    // An address that no other thread has.
    [[nodiscard]] static const void* this_thread() noexcept { return &base::running; }

    static constexpr size_t spare_outboxes_max = 1024;

    // Fixed at construction.
    const LoopLimits limits_;
    const Clock clock_;
    Escaped escaped_;
    std::unique_ptr<Backend> backend_;
    // The clock and its timers.
    alignas(base::cache_line_bytes) uint64_t now_ms_;
    TimerWheel wheel_;
    Timers timers_;
    LoopFigures figures_;
    uint32_t ticks_until_sample_ = LoopFigures::ticks_per_sample;
    // Streams and what they share.
    Streams streams_{*this};
    ChunkPool chunks_;
    std::vector<std::unique_ptr<Outbox>> spare_outboxes_;
    base::ListLink blocked_;      // Outboxes of streams whose send is pending, unordered.
    std::vector<Stream*> dirty_;  // Streams to flush at the end of the tick.
    std::vector<Stream*> late_;   // Streams that were not flushed in their tick,
    size_t late_at_ = 0;          // and the first one of them that still waits.
    // Streams to reap at the end of the tick, linked by their timer entries.
    base::ListLink closing_;
    // Closed streams whose send the backend still has, linked by their timer entries.
    base::ListLink cancelling_;
    std::vector<Stream*> turns_;  // Streams that yielded in this tick; they go on in the next one.
    std::vector<Stream*> due_turns_;  // Streams that yielded in the tick before.
    std::vector<Stream*> redeliver_;  // Resumed streams with kept input.
    std::vector<std::unique_ptr<StreamHandler>> replaced_;  // Freed at the end of the tick.
    base::ListLink tls_in_use_;       // Filters that hold ciphers, the longest unused first.
    std::vector<std::byte> scratch_;  // TLS plaintext in both directions; empty without TLS.
    std::atomic<bool> stopping_{false};
    std::atomic<const void*> ticking_on_{nullptr};  // this_thread() of the thread in a tick.
    // From other threads.
    alignas(base::cache_line_bytes) base::TaskQueue tasks_;
};

template <class F>
bool Stream::guarded(F&& call) {
    const bool returned = loop().guarded(std::forward<F>(call));
    if (!returned) finish(CloseReason::failed);
    return returned;
}

}  // namespace starling::net
