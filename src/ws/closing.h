// ws/closing.h: the closing handshake, RFC 6455 section 7, as a table: what each event does in each
// state, and which close code is reported in the end (7.1.5).
//
// Owner: the connection. Thread: the connection's own.
#pragma once

#include <cstdint>

#include "ws/frame.h"

namespace starling::ws {

class Closing {
public:
    enum class State : uint8_t {
        open,
        close_sent,      // Ours went out; waiting for the peer's.
        close_received,  // The peer's came; our answer is queued.
        both,            // Nothing more will be sent or read; waiting for the end of the transport.
        done,
    };

    enum class Event : uint8_t {
        local_close,     // The application, or a shutdown, closes.
        peer_close,      // A close frame came, with its code (1005: without one).
        flushed,         // Everything queued has left.
        violation,       // The peer broke the protocol: fail the connection (7.1.7).
        timeout,         // The peer is dead, or did not close in time.
        transport_gone,  // End of stream or an error.
    };

    // What the connection has to do, in this order. Any number of them.
    struct Actions {
        bool send_close = false;       // With the code of the event.
        bool echo_close = false;       // With the peer's code, no payload for 1005 (5.5.1).
        bool start_timer = false;      // 5 s by default; then `timeout`.
        bool shut_down = false;        // End the stream once everything queued has left.
        bool reset_transport = false;  // Now; what is queued is lost.

        friend bool operator==(const Actions&, const Actions&) = default;
    };

    // `code`: with peer_close the peer's, with local_close and violation the one that this side sends.
    [[nodiscard]] Actions on(Event event, Role role, uint16_t code = 0) noexcept;
    // This side resets the transport without a close frame.
    void terminated() noexcept {
        if (state_ == State::open) closer_ = Closer::local;
    }

    [[nodiscard]] State state() const noexcept { return state_; }

    // May messages, pings and pongs still be sent? (5.5.1: nothing after a close frame.)
    [[nodiscard]] bool may_send() const noexcept { return state_ == State::open; }

    // Of the side that closed first: its code, 1005 if the peer's close frame had none. 1006 if neither sent one.
    [[nodiscard]] uint16_t reported_code() const noexcept { return code_; }
    enum class Closer : uint8_t { nobody, peer, local };
    [[nodiscard]] Closer closer() const noexcept { return closer_; }

private:
    State state_ = State::open;
    Closer closer_ = Closer::nobody;
    uint16_t code_ = close_code::abnormal;
};
static_assert(sizeof(Closing) <= 4, "part of the 250 bytes that an idle connection may cost");

}  // namespace starling::ws
