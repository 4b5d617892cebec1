// ws/closing.h: the closing handshake, RFC 6455 section 7, as a table: the actions of each event in
// each state, and the close code that is reported (7.1.5).
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
        close_sent,      // This side's close frame was sent; waiting for the peer's.
        close_received,  // The peer's close frame was received; the answer is queued.
        both,            // Nothing more is sent or read; waiting for the end of the transport.
        done,
    };

    enum class Event : uint8_t {
        local_close,     // The application or a shutdown closes.
        peer_close,      // A close frame arrived, with its code (1005: none).
        flushed,         // Everything queued was sent.
        violation,       // The peer broke the protocol: fail the connection (7.1.7).
        timeout,         // The peer is dead, or did not close in time.
        transport_gone,  // End of stream, or an error.
    };

    // Actions for the connection, in this order. Any number may be set.
    struct Actions {
        bool send_close = false;       // With the code of the event.
        bool echo_close = false;       // With the peer's code, no payload for 1005 (5.5.1).
        bool start_timer = false;      // 5 s by default; then `timeout`.
        bool shut_down = false;        // End the stream once everything queued has left.
        bool reset_transport = false;  // Now; what is queued is lost.

        friend bool operator==(const Actions&, const Actions&) = default;
    };

    // `code`: of peer_close, the peer's code; of local_close and violation, the code that this side
    // sends.
    [[nodiscard]] Actions on(Event event, Role role, uint16_t code = 0) noexcept;
    // Notes that this side resets the transport without a close frame.
    void terminated() noexcept {
        if (state_ == State::open) closer_ = Closer::local;
    }

    [[nodiscard]] State state() const noexcept { return state_; }

    // True: messages, pings and pongs may still be sent. 5.5.1 forbids them after a close frame.
    [[nodiscard]] bool may_send() const noexcept { return state_ == State::open; }

    // The code of the side that closed first; 1005 if the peer's close frame had none; 1006 if
    // neither side sent a close frame.
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
