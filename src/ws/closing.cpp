#include "ws/closing.h"

namespace starling::ws {

namespace {

using State = Closing::State;
using Event = Closing::Event;
using Actions = Closing::Actions;

constexpr Actions nothing{};
constexpr Actions send{.send_close = true, .start_timer = true};
constexpr Actions echo{.echo_close = true, .start_timer = true};
constexpr Actions shut_down{.shut_down = true};
constexpr Actions send_and_shut_down{.send_close = true, .start_timer = true, .shut_down = true};
constexpr Actions reset{.reset_transport = true};

struct Row {
    State state;
    Event event;
    State next;
    Actions actions;
};

// An event without a row changes nothing: for example a second close, or a close frame that comes
// too late.
constexpr Row rows[] = {
    {State::open, Event::local_close, State::close_sent, send},
    {State::open, Event::peer_close, State::close_received, echo},
    {State::open, Event::violation, State::both, send_and_shut_down},
    {State::open, Event::timeout, State::done, reset},
    {State::open, Event::transport_gone, State::done, nothing},

    {State::close_sent, Event::peer_close, State::both, shut_down},
    {State::close_sent, Event::violation, State::done, reset},
    {State::close_sent, Event::timeout, State::done, reset},
    {State::close_sent, Event::transport_gone, State::done, nothing},

    {State::close_received, Event::flushed, State::both, shut_down},
    {State::close_received, Event::timeout, State::done, reset},
    {State::close_received, Event::transport_gone, State::done, nothing},

    {State::both, Event::timeout, State::done, reset},
    {State::both, Event::transport_gone, State::done, nothing},
};

}  // namespace

Actions Closing::on(Event event, Role role, uint16_t code) noexcept {
    for (const Row& row : rows) {
        if (row.state != state_ || row.event != event) continue;
        if (state_ == State::open && (row.actions.send_close || row.actions.echo_close)) {
            closer_ = event == Event::peer_close ? Closer::peer : Closer::local;
            code_ = code;
        }
        state_ = row.next;
        Actions actions = row.actions;
        // 7.1.1: after a clean closing handshake the server ends the stream, so that TCP's
        // TIME_WAIT state stays with the server; the client waits for the end. A failed connection
        // is ended by either side (7.1.7).
        if (role == Role::client && event != Event::violation) actions.shut_down = false;
        return actions;
    }
    return nothing;
}

}  // namespace starling::ws
