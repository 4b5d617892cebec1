// engineio/session.h: the life of an Engine.IO session as a table: heartbeat in both directions,
// polls and POSTs, the probe and the upgrade from polling to a WebSocket, closing. A Session holds
// no connection, no queue and no clock: the caller reports events and carries out the actions that
// the session returns. Each call gets the time and the server's options as a Moment.
//
// Use: `actions = session.on_packet(...)` (or on(), close(), on_timer()). Carry out the actions in
// the order of their declaration. If `closed` is set, forget the session, else set a timer to
// deadline_ms(). Before sending what the application queued, ask outlet(): `poll`: call
// claim_poll() and answer that poll with the queue; `websocket`: send the queue; `none`: keep it.
//
// Owner: the worker's table of sessions. Thread: that worker's. Times are milliseconds of a steady
//        clock.
#pragma once

#include <starling/heartbeat.h>

#include <cstdint>
#include <string_view>

#include "engineio/packet.h"
#include "engineio/request.h"

namespace starling::engineio {

// The server owns the options; they live longer than its sessions.
struct SessionOptions {
    static constexpr uint32_t time_ms_max = INT32_MAX / 4;  // Of each: 6 days.

    uint32_t ping_interval_ms = static_cast<uint32_t>(sio::default_ping_interval.count());
    uint32_t ping_timeout_ms = static_cast<uint32_t>(sio::default_ping_timeout.count());
    uint32_t upgrade_timeout_ms = 10'000;
    // How long a closing session waits for a poll that can carry the close packet.
    uint32_t closing_timeout_ms = 30'000;
};

// When something happens, and the options of the server, of which a session keeps no pointer.
struct Moment {
    const SessionOptions& options;
    uint64_t now_ms;
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
// "transport error" and so on; the text lives for ever.
[[nodiscard]] std::string_view reason_text(Reason reason) noexcept;

// Where a packet came from: the body of a POST, or the WebSocket that the session accepted (for a
// probe, or as its transport).
enum class Link : uint8_t { post, websocket };

class Session {
public:
    enum class State : uint8_t {
        polling,
        attached,  // Polling; a WebSocket is attached but has not sent `2probe` yet.
        probed,    // Polling; `3probe` was sent: the client lets its poll end, then sends `5`.
        websocket,
        // Polling; the server closes, and waits for a poll that can carry the close packet.
        closing,
        // Like `closing`, with a probed WebSocket: a poll or the end of the upgrade may come first.
        closing_probed,
        closed,
    };

    enum class Event : uint8_t {
        poll_arrived,  // A GET that verify() accepted.
        poll_aborted,  // The GET's connection ended before the answer.
        post_arrived,  // The head of a POST that verify() accepted.
        post_done,     // The POST was answered: its packets were taken, or it was too long (413).
        post_aborted,  // The POST's connection ended before the body did.
        post_fault,    // PayloadReader found a fault.
        websocket_attached,  // An upgrade with the sid of this session succeeded.
        websocket_closed,    // The attached WebSocket ended: by a close frame, or an end of stream.
        websocket_error,     // The attached WebSocket ended by a fault below Engine.IO.
        websocket_fault,     // decode_text() or decode_binary() found a fault.
    };

    // Carry these out in this order. A poll that an action answers is no longer pending.
    struct Actions {
        bool deliver = false;            // Give the message in the packet to the application.
        bool send_probe_answer = false;  // Send `3probe` on the WebSocket, before anything else.
        bool send_ping = false;          // Queue `2`.
        bool send_pong = false;          // Queue `3`.
        bool answer_noop = false;        // Answer the pending poll with `6` alone; the queue stays.
        // Answer the pending poll, or the poll just reported, with the queue and then `1`.
        bool answer_close = false;
        bool flush_poll = false;  // If anything is queued: claim_poll(), answer it with the queue.
        bool upgraded = false;    // The WebSocket has taken the place of polling.
        bool flush_websocket = false;  // Send the queue over the WebSocket.
        bool answer_400 = false;  // Answer 400 to the request that was reported with this event.
        bool refuse_websocket = false;  // Close the WebSocket that was just reported, and no other.
        bool close_websocket = false;   // Close the accepted WebSocket after its queued frames were
                                        // sent.
        bool closed = false;  // Set once; see reason(). A POST in progress may still get `ok`.

        friend bool operator==(const Actions&, const Actions&) = default;
    };

    enum class Outlet : uint8_t { none, poll, websocket };

    // The session is open from the start: the caller first queues the open packet. The request that
    // opens a polling session is itself a poll: report `poll_arrived` next.
    Session(Revision revision, Transport transport, Moment now) noexcept;

    [[nodiscard]] Actions on_packet(Link link, const Packet& packet, Moment now) noexcept;
    [[nodiscard]] Actions on(Event event, Moment now) noexcept;

    // Closes the session from the server's side. The queue is sent first: with the pending poll, or
    // over the WebSocket. If no poll is pending, the session waits for one, for closing_timeout_ms
    // at most, and then reports `closed`. From now on nothing is delivered, and nothing more may be
    // queued.
    [[nodiscard]] Actions close(Reason reason, Moment now) noexcept;

    // Closes the session without waiting for anything.
    [[nodiscard]] Actions drop(Reason reason, Moment now) noexcept;

    // Revision 4: sends a ping now, before the heartbeat is due. Does nothing while the answer to
    // another ping is awaited, or in revision 3, where the client sends the pings.
    [[nodiscard]] Actions ping(Moment now) noexcept;
    [[nodiscard]] bool awaits_pong() const noexcept { return pong_due_; }

    // Early, late and repeated calls do no harm. Call it again while deadline_ms() has passed.
    [[nodiscard]] Actions on_timer(Moment now) noexcept;
    [[nodiscard]] uint64_t deadline_ms() const noexcept;  // UINT64_MAX if the session is closed.

    // While paused, the caller reads nothing from the client, and the session does not miss the
    // client's heartbeats: in revision 4 it sends pings without waiting for pongs, in revision 3 it
    // sends pongs without having read a ping. The caller sets its timer to deadline_ms() after each
    // call. Repeated calls do no harm.
    void pause(Moment now) noexcept;
    void resume(Moment now) noexcept;
    [[nodiscard]] bool paused() const noexcept { return paused_; }

    [[nodiscard]] Outlet outlet() const noexcept;

    // Takes the pending poll: the caller must answer it. False if no poll is pending.
    [[nodiscard]] bool claim_poll() noexcept;

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] Revision revision() const noexcept { return revision_; }
    [[nodiscard]] Transport transport() const noexcept;
    [[nodiscard]] SessionFacts facts() const noexcept { return {transport(), revision_}; }
    [[nodiscard]] bool poll_pending() const noexcept { return poll_pending_; }
    [[nodiscard]] bool may_send() const noexcept { return state_ < State::closing; }
    // Valid once closing or closed.
    [[nodiscard]] Reason reason() const noexcept { return reason_; }

private:
    enum class Input : uint8_t;
    struct Row;
    static const Row rows[];

    [[nodiscard]] Input input_of(Link link, const Packet& packet) const noexcept;
    [[nodiscard]] Input input_of(Event event) noexcept;
    [[nodiscard]] Actions step(Input input, Moment now) noexcept;
    [[nodiscard]] Actions finish(Actions actions, State before, Input input) noexcept;
    void set_timers(State before, Input input, Moment now) noexcept;

    [[nodiscard]] uint64_t heartbeat_at_ms() const noexcept {
        return uint64_t{heartbeat_high_} << 32 | heartbeat_low_;
    }
    void set_heartbeat(uint64_t at_ms) noexcept {
        heartbeat_low_ = static_cast<uint32_t>(at_ms);
        heartbeat_high_ = static_cast<uint16_t>(at_ms >> 32);
    }
    // The whole time of which `low` is the lower half: the one that is nearest to the heartbeat.
    [[nodiscard]] uint64_t whole_ms(uint32_t low) const noexcept {
        const auto after = static_cast<int32_t>(low - heartbeat_low_);
        return heartbeat_at_ms() + static_cast<uint64_t>(int64_t{after});
    }

    // In 48 bits. EIO4: next ping, or timeout of its pong. EIO3: timeout.
    uint32_t heartbeat_low_ = 0;
    uint32_t limit_low_ = 0;  // Timeout of an upgrade, or of closing; see whole_ms().
    uint32_t noop_low_ = 0;   // While probed: when a pending poll is answered with a noop.
    uint16_t heartbeat_high_ = 0;
    State state_ : 4;
    Revision revision_ : 4;
    Reason reason_ : 4 = Reason::transport_close;
    bool poll_pending_ : 1 = false;
    bool post_pending_ : 1 = false;
    bool pong_due_ : 1 = false;
    bool paused_ : 1 = false;
};
static_assert(sizeof(Session) <= 16, "part of what an idle Socket.IO session costs");

}  // namespace starling::engineio
