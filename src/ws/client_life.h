// ws/client_life.h: the life of a client's WebSocket as a table: readyState, the events that the
// application gets and their order, wasClean and the code of the close event (WHATWG WebSockets
// section 4; RFC 6455 sections 7.1.4 to 7.1.7). The closing handshake itself is ws/closing.h.
//
// Owner: the WebSocket. Thread: its loop's.
#pragma once

#include <cstdint>

#include "ws/closing.h"
#include "ws/frame.h"

namespace starling::ws {

class ClientLife {
public:
    enum class State : uint8_t { connecting, open, closing, closed };  // As readyState counts.

    enum class Event : uint8_t {
        established,  // The opening handshake is complete.
        local_close,  // close() of the application.
        peer_close,   // A close frame arrived, with its code (1005: none).
        failure,      // No connection, a refused handshake, a violation, or a handler that threw.
        timeout,      // The peer is dead, or did not close in time.
        ended,        // The transport ended as it should (FIN).
        lost,         // The transport broke (a reset, for example).
    };

    // What to do, in this order.
    struct Actions {
        Closing::Actions wire = {};   // Towards the peer.
        bool cancel_opening = false;  // Then report `failure`, from the loop.
        bool tell_open = false;
        bool tell_error = false;
        bool tell_close = false;

        friend bool operator==(const Actions&, const Actions&) = default;
    };

    // `code`: of peer_close, the peer's; of local_close and failure, the code that this side sends.
    [[nodiscard]] Actions on(Event event, uint16_t code = 0) noexcept;

    // Without events: the loop is gone.
    void end() noexcept { state_ = State::closed; }

    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] bool may_send() const noexcept {
        return state_ == State::open && closing_.may_send();
    }
    // Of the close event: the code in the peer's close frame; 1005 if the frame had none, 1006 if none
    // arrived (RFC 6455 section 7.1.5).
    [[nodiscard]] uint16_t code() const noexcept { return code_; }
    [[nodiscard]] bool was_clean() const noexcept { return clean_; }

private:
    Closing closing_;
    State state_ = State::connecting;
    bool clean_ = false;
    bool opening_cancelled_ = false;  // There never was a connection.
    uint16_t code_ = close_code::abnormal;
};

}  // namespace starling::ws
