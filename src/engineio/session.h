// engineio/session.h: the life of an Engine.IO session as a table: heartbeat in both directions,
// polls and POSTs, the probe and the upgrade from polling to a WebSocket, closing. It holds no
// connection, no queue and no clock: it is told what happened and says what is to be done.
//
// Use: `actions = session.on_packet(...)` (or on(), close(), on_timer()); do what they say, in the
// order of their declaration; if `closed`, forget the session; else set a timer to deadline_ms().
// Before sending what the application queues, ask outlet(): `poll`: claim_poll() and answer it with
// the queue; `websocket`: send; `none`: keep it.
//
// Owner: the worker's table of sessions. Thread: that worker's. Times are milliseconds of a steady
// clock.
#pragma once

#include <cstdint>
#include <string_view>

#include "engineio/packet.h"
#include "engineio/request.h"

namespace starling::engineio {

// Of the server; outlives its sessions.
struct SessionOptions {
    uint32_t ping_interval_ms = 25'000;
    uint32_t ping_timeout_ms = 20'000;
    uint32_t upgrade_timeout_ms = 10'000;
    uint32_t closing_timeout_ms = 30'000;  // For a poll that takes the close packet.
};

enum class Reason : uint8_t {
    transport_error,
    transport_close,
    forced_close,
    ping_timeout,
    parse_error,
    server_shutting_down,
    forced_server_close,
};
[[nodiscard]] std::string_view reason_text(Reason reason) noexcept;  // "transport error", for ever.

// Where a packet came from: the body of a POST, or the WebSocket that the session accepted, be it
// for a probe or as its transport.
enum class Link : uint8_t { post, websocket };

class Session {
public:
    enum class State : uint8_t {
        polling,
        attached,  // Polling; a WebSocket is there and has not asked `2probe` yet.
        probed,    // Polling; `3probe` went out: the client lets its poll end, then says `5`.
        websocket,
        closing,         // Polling; the server closes, and waits for a poll to say so.
        closing_probed,  // The same while probed: whichever comes first is told.
        closed,
    };

    enum class Event : uint8_t {
        poll_arrived,  // A GET, verified.
        poll_aborted,  // The GET's connection ended before the answer.
        post_arrived,  // The head of a POST, verified.
        post_done,     // The POST was answered: its packets were taken, or it was too long (413).
        post_aborted,  // The POST's connection ended before the body did.
        post_fault,    // PayloadReader found a fault.
        websocket_attached,  // An upgrade with the sid of this session succeeded.
        websocket_closed,    // The attached WebSocket ended: a close frame, or an end of stream.
        websocket_error,     // The attached WebSocket ended by a fault below Engine.IO.
        websocket_fault,     // decode_text() or decode_binary() found a fault.
    };

    // To be done in this order. A poll that an action answers is no longer pending.
    struct Actions {
        bool deliver = false;            // The packet is a message for the application.
        bool send_probe_answer = false;  // `3probe` on the WebSocket, before anything else.
        bool send_ping = false;          // Queue `2`.
        bool send_pong = false;          // Queue `3`.
        bool answer_noop = false;        // The pending poll gets `6` alone; the queue stays.
        bool answer_close =
            false;  // The pending poll, or the one that just arrived, gets the queue, then `1`.
        bool flush_poll = false;        // If anything is queued: claim_poll(), answer it with that.
        bool flush_websocket = false;   // The queue goes out over the WebSocket.
        bool answer_400 = false;        // To the request that was reported with this event.
        bool refuse_websocket = false;  // Close the WebSocket that was just reported, only that.
        bool close_websocket = false;   // The accepted one, once what it was given has left.
        bool closed = false;            // Once; see reason(). A POST under way may end with `ok`.

        friend bool operator==(const Actions&, const Actions&) = default;
    };

    enum class Outlet : uint8_t { none, poll, websocket };

    // Open from the start: the first thing that the caller queues is the open packet. A handshake
    // by polling is itself a poll: report `poll_arrived` next.
    Session(Revision revision, Transport transport, const SessionOptions& options,
            uint64_t now_ms) noexcept;

    [[nodiscard]] Actions on_packet(Link link, const Packet& packet, uint64_t now_ms) noexcept;
    [[nodiscard]] Actions on(Event event, uint64_t now_ms) noexcept;

    // The server closes. What is queued is sent first: with the pending poll or over the WebSocket;
    // without a poll, the session waits for one for 30 s at most and reports `closed` then. Nothing
    // is delivered, and nothing more may be queued, from now on.
    [[nodiscard]] Actions close(Reason reason, uint64_t now_ms) noexcept;

    // The server closes and waits for nothing.
    [[nodiscard]] Actions drop(Reason reason, uint64_t now_ms) noexcept;

    // Early, late and repeated calls do no harm. Call again while deadline_ms() has passed.
    [[nodiscard]] Actions on_timer(uint64_t now_ms) noexcept;
    [[nodiscard]] uint64_t deadline_ms() const noexcept;  // UINT64_MAX once closed.

    [[nodiscard]] Outlet outlet() const noexcept;

    // True where a poll is pending; it is the caller's to answer then, and no longer pending.
    [[nodiscard]] bool claim_poll() noexcept;

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] Revision revision() const noexcept { return revision_; }
    [[nodiscard]] Transport transport() const noexcept;
    [[nodiscard]] SessionFacts facts() const noexcept { return {transport(), revision_}; }
    [[nodiscard]] bool poll_pending() const noexcept { return poll_pending_; }
    [[nodiscard]] bool may_send() const noexcept { return state_ < State::closing; }
    [[nodiscard]] Reason reason() const noexcept { return reason_; }  // Once closing or closed.

private:
    enum class Input : uint8_t;
    struct Row;
    static const Row rows[];

    [[nodiscard]] Input input_of(Link link, const Packet& packet) const noexcept;
    [[nodiscard]] Input input_of(Event event) noexcept;
    [[nodiscard]] Actions step(Input input, uint64_t now_ms) noexcept;
    [[nodiscard]] Actions finish(Actions actions, State before, Input input) noexcept;
    void set_timers(State before, Input input, uint64_t now_ms) noexcept;

    const SessionOptions* options_;
    uint64_t heartbeat_at_ms_;  // EIO4: the next ping or the end; EIO3: the end.
    uint64_t limit_at_ms_ = 0;  // The end of an upgrade, or of closing.
    uint64_t noop_at_ms_ = 0;   // While probed: when a pending poll gets its noop.
    State state_;
    Revision revision_;
    Reason reason_ = Reason::transport_close;
    bool poll_pending_ = false;
    bool post_pending_ = false;
    bool pong_due_ = false;
};
static_assert(sizeof(Session) <= 48, "part of the 1 KB that an idle Socket.IO session may cost");

}  // namespace starling::engineio
