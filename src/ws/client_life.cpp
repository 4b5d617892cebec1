#include "ws/client_life.h"

namespace starling::ws {
namespace {

using State = ClientLife::State;
using Event = ClientLife::Event;

struct Row {
    State state;
    Event event;
    State next;
    ClientLife::Actions actions;
};

constexpr ClientLife::Actions nothing{};
constexpr ClientLife::Actions cancel{.cancel_opening = true};
constexpr ClientLife::Actions open{.tell_open = true};
constexpr ClientLife::Actions fail{.tell_error = true, .tell_close = true};
constexpr ClientLife::Actions close{.tell_close = true};

// An event without a row changes nothing. Only a failure has an error event: a connection that ends
// without a closing handshake was not failed by this side, so that its only event is close, with 1006.
constexpr Row rows[] = {
    {State::connecting, Event::established, State::open, open},
    {State::connecting, Event::local_close, State::closing, cancel},
    {State::connecting, Event::failure, State::closed, fail},
    {State::connecting, Event::timeout, State::closed, fail},
    {State::connecting, Event::ended, State::closed, fail},
    {State::connecting, Event::lost, State::closed, fail},

    {State::open, Event::local_close, State::closing, nothing},
    {State::open, Event::peer_close, State::closing, nothing},
    {State::open, Event::failure, State::closed, fail},
    {State::open, Event::timeout, State::closed, fail},
    {State::open, Event::ended, State::closed, close},
    {State::open, Event::lost, State::closed, close},

    {State::closing, Event::peer_close, State::closing, nothing},
    {State::closing, Event::failure, State::closed, fail},
    {State::closing, Event::timeout, State::closed, close},
    {State::closing, Event::ended, State::closed, close},
    {State::closing, Event::lost, State::closed, close},
};

// What the event means for the closing handshake, once there is a connection.
Closing::Event wire_event(Event event) noexcept {
    switch (event) {
        case Event::local_close: return Closing::Event::local_close;
        case Event::peer_close: return Closing::Event::peer_close;
        case Event::failure: return Closing::Event::violation;
        case Event::timeout: return Closing::Event::timeout;
        default: return Closing::Event::transport_gone;
    }
}

}  // namespace

ClientLife::Actions ClientLife::on(Event event, uint16_t code) noexcept {
    for (const Row& row : rows) {
        if (row.state != state_ || row.event != event) continue;
        Actions actions = row.actions;
        if (state_ != State::connecting && !opening_cancelled_) {
            const bool handshake_done = closing_.state() == Closing::State::both ||
                                        closing_.state() == Closing::State::close_received;
            actions.wire = closing_.on(wire_event(event), Role::client, code);
            if (event == Event::peer_close) code_ = code;
            // A server that keeps the connection open after both close frames, or ends it, was told
            // all; a reset may have cost it our close frame (7.1.4).
            if (event == Event::ended || event == Event::timeout) clean_ = handshake_done;
            if (event == Event::failure) code_ = close_code::abnormal;
        }
        opening_cancelled_ = opening_cancelled_ || actions.cancel_opening;
        state_ = row.next;
        return actions;
    }
    return nothing;
}

}  // namespace starling::ws
