// webhook/delivery.h: what is due to an application for one connection, as a table: `open`, then the client's
// messages in their order, then `close`, one at a time; when a try is repeated, and when it is given up.
// It holds no socket and no clock: it is told what happened and says what is to be done.
//
// Use: a new Delivery has its `open` due. Do what the Effects of each call say, in the order of their
// declaration. `ready`: send what due() says as soon as the application has room for one more request, and call
// started(); finished() once that has ended. `start_timer`: call on_timer() at deadline_ms().
//
// Thread: its worker's. Times are milliseconds of a steady clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "webhook/body.h"
#include "webhook/deliveries.h"
#include "webhook/retry.h"

namespace starling::webhook {

class Backlog;

// Owner: the gateway's connection, and once its client is gone the worker, until `done`. Has a fixed address.
class Delivery {
public:
    enum class Phase : uint8_t {
        idle,     // Nothing waits.
        due,      // due() wants to be sent.
        flying,   // Its request is under way.
        pausing,  // It failed, and is due again at deadline_ms().
        done,     // Nothing is or will be due.
    };

    enum class Event : uint8_t {
        offered,    // There is something to send.
        started,    // The request began.
        delivered,  // The application took it.
        failed,     // To be tried again.
        lost,       // Not to be tried again, or tried for long enough.
        timer,      // The pause is over.
        ended,      // `close` is off the list, or was not due.
        dropped,    // Nobody waits for it any more.
    };

    struct Effects {
        bool lost =
            false;  // What was due is given up: log it, count it. A reached `drop` gives up all the rest.
        bool start_timer = false;
        bool ready = false;
        bool pause = false;   // Read no more of the client's messages.
        bool resume = false;  // Go on reading.
        bool done = false;    // The Delivery may be destroyed.

        friend bool operator==(const Effects&, const Effects&) = default;
    };

    enum class Begin : uint8_t {
        with_open,  // `open` is due.
        admitted,   // The application has had `open`, and admitted the client.
    };

    // `worker` outlives it.
    explicit Delivery(Deliveries& worker, Begin begin = Begin::with_open);
    ~Delivery();
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;

    // Would the message be within the bounds? One that is larger than all of them is, where nothing waits.
    [[nodiscard]] bool fits(size_t data_bytes) const noexcept;
    // A message's `data`, see data_of(). It is taken whether it fits or not: who has read it from the client cannot
    // give it back. Not after end().
    [[nodiscard]] Effects push(std::string data);
    // The client is gone, or closed: `close` is due once everything in front of it is off the list; not where
    // the application cannot have heard of the connection. Repeated calls change nothing.
    [[nodiscard]] Effects end();

    struct Due {
        Action action;
        std::string_view data;  // Valid until finished() or drop().
        uint32_t sequence;      // For webhook_id().
        uint32_t tries;         // So many have failed.
    };
    // In the phases due, flying and pausing.
    [[nodiscard]] Due due() const noexcept;

    void started(uint64_t now_ms) noexcept;
    // `random`: evenly distributed over its range.
    [[nodiscard]] Effects finished(const Outcome& outcome, uint64_t now_ms, uint32_t random);
    // Early and repeated calls do no harm.
    [[nodiscard]] Effects on_timer(uint64_t now_ms) noexcept;
    // Gives up everything: see Deliveries::excess(), and the end of a drain. A request under way is forgotten.
    [[nodiscard]] Effects drop() noexcept;

    [[nodiscard]] uint64_t deadline_ms() const noexcept;  // UINT64_MAX where nothing pauses.
    [[nodiscard]] Phase phase() const noexcept { return phase_; }
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    // What waits or is under way.
    [[nodiscard]] size_t messages() const noexcept;
    [[nodiscard]] size_t message_bytes() const noexcept;

private:
    [[nodiscard]] Effects step(Event event) noexcept;
    [[nodiscard]] Effects advance(Effects effects);
    Backlog& backlog();
    void release() noexcept;
    [[nodiscard]] bool full() const noexcept;
    void regulate(Effects& effects) noexcept;

    Deliveries& worker_;
    std::unique_ptr<Backlog> backlog_;  // Only where something waits.
    uint32_t sequence_ = 0;             // How many webhooks were in front of this one.
    Phase phase_ = Phase::idle;
    Action action_ = Action::open;  // What is due; without a meaning in the phase idle.
    bool heard_ : 1 = false;        // The application may know the connection.
    bool ending_ : 1 = false;
    bool paused_ : 1 = false;
};
static_assert(sizeof(Delivery) <= 24, "part of the 700 B that an idle connection may cost");

}  // namespace starling::webhook
