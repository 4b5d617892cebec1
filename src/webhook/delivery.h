// webhook/delivery.h: the webhooks of one connection as a table: `open`, then the client's messages
// in their order, then `close`, one at a time; when a try is repeated, and when it is given up. A
// Delivery holds no socket and no clock: the caller reports events and carries out the Effects that
// each call returns.
//
// Use: a new Delivery has its `open` due, unless the client was admitted before (see Begin). Carry
// out the Effects of each call in the order of their declaration. `ready`: once the application can
// take one more request, send what due() returns and call started(); call finished() when the
// request has ended. `start_timer`: call on_timer() at deadline_ms().
//
// Thread: its worker's. Times are milliseconds of a steady clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "webhook/body.h"
#include "webhook/deliveries.h"
#include "webhook/retry.h"

namespace starling::webhook {

class Backlog;

// Owner: the gateway's connection; once the client is gone the worker, until `done`. Must not move.
class Delivery {
public:
    enum class Phase : uint8_t {
        idle,     // Nothing waits.
        due,      // due() has to be sent.
        flying,   // The request of the webhook is being sent.
        pausing,  // The request failed; it is due again at deadline_ms().
        done,     // Nothing is or will be due.
    };

    enum class Event : uint8_t {
        offered,    // There is a webhook to send.
        started,    // The request was begun.
        delivered,  // The application took the webhook.
        failed,     // The try failed; there will be another.
        lost,       // The webhook is given up: no further try is allowed.
        timer,      // The pause is over.
        ended,      // The client is gone, and no webhook is left.
        dropped,    // The caller gives up the Delivery.
    };

    struct Effects {
        // The webhook that was due is given up: log and count it. If drop() returns this, all later
        // webhooks are given up, too.
        bool lost = false;
        bool start_timer = false;
        bool ready = false;
        bool pause = false;   // Stop reading the client's messages.
        bool resume = false;  // Read on.
        bool done = false;    // The Delivery may be destroyed.

        friend bool operator==(const Effects&, const Effects&) = default;
    };

    enum class Begin : uint8_t {
        with_open,  // `open` is due.
        admitted,   // The application got `open` before, and admitted the client.
    };

    // `worker` must live longer than this object.
    explicit Delivery(Deliveries& worker, Begin begin = Begin::with_open);
    ~Delivery();
    Delivery(const Delivery&) = delete;
    Delivery& operator=(const Delivery&) = delete;

    // True if the message is within the limits. Any message fits if none waits.
    [[nodiscard]] bool fits(size_t data_bytes) const noexcept;
    // Sets the `data` of the open webhook, in place of `{}`. Call it before that webhook is sent.
    void open_with(std::string data);
    // Queues a message with the `data` that data_of() or event_text() returns, even if it does not
    // fit, because the caller cannot return it to the client. Not allowed after end().
    [[nodiscard]] Effects push(std::string data, std::optional<uint64_t> ack_id = {});
    // Queues a client's answer to the event with that number, by the same rules.
    [[nodiscard]] Effects push_ack(std::string data, uint64_t ack_id);
    // The client is gone or was closed. `close` is due after all earlier webhooks, unless the
    // application cannot know of the connection. Repeated calls change nothing. `kept_bytes`: what the caller keeps
    // in memory until `done`; the budget counts them, so that clients that come and go cannot fill the memory.
    [[nodiscard]] Effects end(size_t kept_bytes = 0);

    struct Due {
        Action action;
        std::string_view data;  // Valid until finished() or drop().
        uint32_t sequence;      // For webhook_id().
        uint32_t tries;         // Failed tries.
        std::optional<uint64_t> ack_id = {};
    };
    // Allowed in the phases due, flying and pausing.
    [[nodiscard]] Due due() const noexcept;

    void started(uint64_t now_ms) noexcept;
    // `random` must be evenly distributed over its range.
    [[nodiscard]] Effects finished(const Outcome& outcome, uint64_t now_ms, uint32_t random);
    // Early and repeated calls do no harm.
    [[nodiscard]] Effects on_timer(uint64_t now_ms) noexcept;
    // Gives up all webhooks; called for Deliveries::excess() and at the end of a drain. The caller
    // must forget a request that is being sent.
    [[nodiscard]] Effects drop() noexcept;

    [[nodiscard]] uint64_t deadline_ms() const noexcept;  // UINT64_MAX in every phase but pausing.
    [[nodiscard]] Phase phase() const noexcept { return phase_; }
    [[nodiscard]] bool paused() const noexcept { return paused_; }
    // Counts the messages that wait or are being sent.
    [[nodiscard]] size_t messages() const noexcept;
    [[nodiscard]] size_t message_bytes() const noexcept;

private:
    [[nodiscard]] Effects pushed();
    [[nodiscard]] Effects step(Event event) noexcept;
    [[nodiscard]] Effects advance(Effects effects);
    Backlog& backlog();
    void release() noexcept;
    [[nodiscard]] bool full() const noexcept;
    void regulate(Effects& effects) noexcept;

    Deliveries& worker_;
    std::unique_ptr<Backlog> backlog_;  // Null while nothing waits.
    uint32_t sequence_ = 0;             // The number of webhooks before the current one.
    Phase phase_ = Phase::idle;
    Action action_ = Action::open;  // The current webhook; meaningless in the phase idle.
    bool heard_ : 1 = false;        // The application may know of the connection.
    bool ending_ : 1 = false;
    bool paused_ : 1 = false;
};
static_assert(sizeof(Delivery) <= 24, "part of the 700 B that an idle connection may cost");

}  // namespace starling::webhook
