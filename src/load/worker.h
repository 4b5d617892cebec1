// load/worker.h: one thread of a load test: its connections, and the phases of the test. A scenario
// derives from Worker.
//
//     open      all connections open, spread over the ramp-up
//     warm up   the load runs and is not measured
//     measure   the load runs for the given time
//     drain     nothing is sent; what is on its way is waited for, within the timeout
//
// Owner: the LoadTest. Thread: run() has a thread of its own; Live and Shared are read by others.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "load/engine.h"
#include "load/measure/faults.h"
#include "load/measure/histogram.h"
#include "load/plan.h"
#include "load/usage.h"

namespace starling::load {

// What one thread has done so far. Only that thread writes.
struct alignas(64) Live {
    std::atomic<uint64_t> count{0};  // Messages that came back or were delivered, from the start.
    std::atomic<uint64_t> errors{0};
    std::atomic<uint32_t> open{0};
};
template <class Number>
void add(std::atomic<Number>& counter, Number number) noexcept {  // Only for the one that writes.
    counter.store(counter.load(std::memory_order_relaxed) + number, std::memory_order_relaxed);
}

enum class Phase : uint8_t { open, warm_up, measure, drain, end };

// What the threads of a test share.
struct Shared {
    explicit Shared(uint32_t threads) : live(threads) {}

    std::atomic<bool> stop{false};         // The user ends the test.
    std::atomic<bool> ended{false};        // A thread cannot go on.
    std::atomic<uint32_t> ready{0};        // Threads whose connections are open, or have failed.
    std::atomic<uint64_t> begin_ns{0};     // The load begins; 0: not yet.
    std::atomic<int64_t> server_bytes{0};  // Memory of the server when the load begins.
    std::atomic<Phase> phase{Phase::open};
    std::vector<Live> live;  // By thread.
};

// Where a test connects to.
struct Places {
    Endpoint server;
    Endpoint publisher;  // fanout, events with a publisher.
};

struct Outcome {
    Histogram latency;
    Tally errors;
    uint64_t count = 0;  // Within the measured time.
    uint64_t missing = 0, other_messages = 0;
    uint32_t opened = 0, compressed = 0;  // Of the opened ones, those with permessage-deflate.
    uint64_t opening_ns = 0;
    double seconds = 0, client_cpu_seconds = 0, server_cpu_seconds = 0;
};

class Worker : public LinkHandler {
public:
    Worker(const Plan& plan, const Places& places, Shared& shared, uint32_t number);
    virtual ~Worker() = default;
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void run();
    // After run().
    [[nodiscard]] const Outcome& outcome() const noexcept { return outcome_; }

    void on_open(Link& link) final;
    void on_failed(Link& link, const Fault& fault) final;

protected:
    // How long the loop may wait for events; if it must not wait in epoll, how long it may sleep.
    struct Pause {
        uint64_t wait_ns = 100'000'000;
        uint64_t nap_ns = 0;
    };

    [[nodiscard]] virtual std::unique_ptr<Link> make_link() = 0;
    // Connections are opened before the load begins, and stay.
    [[nodiscard]] virtual bool opens_first() const noexcept { return true; }
    virtual void open_more() {}  // Before the connections: those that are not counted.
    // The link is open, within the phase open or later. became_ready() says that it can be used.
    virtual void ready(Link&) = 0;
    virtual void lost(Link&) {}  // The link has failed; the fault is counted.
    virtual void begin(uint64_t /*now*/) {}
    // Once in each round of the phases warm_up and measure: sends what is due.
    virtual Pause turn(uint64_t /*now*/) { return {}; }
    // The time is over: sends what was due before `end` and did not get its turn.
    virtual void last_turn(uint64_t /*end*/) {}
    virtual Pause rest() { return {.wait_ns = 10'000'000}; }  // The same in the phase drain.
    [[nodiscard]] virtual uint64_t outstanding() const { return 0; }  // Answers to wait for.
    virtual void give_up() {}  // The drain is over, and answers are outstanding.
    virtual void finish(Outcome&) {}

    void became_ready(Link& link);

    void start(Link& link, const Target& target);
    // The same for a link that is not one of links(), and that outlives run().
    void start_beside(Link& link, const Target& target);
    void end(Link& link, bool reset = false);
    void fail(Link& link, Fault::Kind kind, uint16_t code = 0, std::string text = {});
    void count(uint64_t number) noexcept;
    void note(const Fault& fault, uint64_t times = 1);

    [[nodiscard]] const Plan& plan() const noexcept { return plan_; }
    [[nodiscard]] const Places& places() const noexcept { return places_; }
    [[nodiscard]] Shared& shared() const noexcept { return shared_; }
    [[nodiscard]] Engine& engine() noexcept { return engine_; }
    [[nodiscard]] uint32_t number() const noexcept { return number_; }
    [[nodiscard]] uint32_t share() const noexcept { return share_; }
    [[nodiscard]] Target& target() noexcept { return target_; }
    [[nodiscard]] std::deque<std::unique_ptr<Link>>& links() noexcept { return links_; }
    [[nodiscard]] Histogram& latency() noexcept { return outcome_.latency; }
    [[nodiscard]] bool measuring() const noexcept { return measuring_; }
    [[nodiscard]] uint64_t measured_from() const noexcept { return from_ns_; }
    [[nodiscard]] uint32_t open_links() const noexcept { return open_; }
    [[nodiscard]] uint32_t opening() const noexcept { return pending_; }
    void end_early() noexcept { shared_.ended = true; }  // In all threads.

private:
    static constexpr uint32_t opening_max = 256;  // At a time, in each thread.

    void open_links_first();
    // The engine ends handshakes that take too long; what follows them has the same time.
    void end_late(uint64_t now);
    [[nodiscard]] bool is_late(const Link& link, uint64_t now) const noexcept;
    void left(Link& link);
    void wait_for_others();
    void load();
    void drain();
    void poll(Pause pause);
    [[nodiscard]] bool stopped() const noexcept {
        return shared_.stop.load(std::memory_order_relaxed) ||
               shared_.ended.load(std::memory_order_relaxed);
    }

    const Plan& plan_;
    const Places& places_;
    Shared& shared_;
    const uint32_t number_;
    const uint32_t share_;  // Connections of this thread.
    Engine engine_;
    Target target_;
    std::deque<std::unique_ptr<Link>> links_;
    std::vector<Link*> beside_;
    Usage usage_;
    Outcome outcome_;
    uint64_t opening_from_ns_ = 0, from_ns_ = 0;
    uint64_t late_checked_ns_ = 0;
    uint32_t open_ = 0;     // Ready and not failed.
    uint32_t pending_ = 0;  // Being opened, or on the way to be ready.
    bool measuring_ = false;
};

}  // namespace starling::load
