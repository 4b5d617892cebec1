#include "engineio/session.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

namespace starling::engineio {
namespace {

using State = Session::State;
using Actions = Session::Actions;

constexpr uint64_t noop_interval_ms = 100;
constexpr uint64_t never = UINT64_MAX;

constexpr uint8_t in(auto... states) {
    return static_cast<uint8_t>(((1U << static_cast<unsigned>(states)) | ...));
}
constexpr uint8_t polls = in(State::polling, State::attached, State::probed);
constexpr uint8_t probes = in(State::attached, State::probed);
constexpr uint8_t open = polls | in(State::websocket);
constexpr uint8_t closes = in(State::closing, State::closing_probed);
constexpr uint8_t has_websocket = probes | in(State::websocket, State::closing_probed);

constexpr bool is_in(State state, uint8_t states) { return (in(state)&states) != 0; }

}  // namespace

// An event as the table sees it: adapted to the side that pings and to the requests that are
// pending.
enum class Session::Input : uint8_t {
    // Packets of the current transport. Without a matching row: a protocol error, `parse error`.
    message,
    heartbeat,        // EIO4: a pong; EIO3: a ping.
    wrong_heartbeat,  // EIO4: a ping; EIO3: a pong.
    noop,
    close_packet,
    other_packet,  // open (only servers send it) or upgrade (only a probe sends it).
    // All other inputs. Without a matching row nothing happens.
    probe_ping,
    probe_upgrade,
    probe_other,
    poll,
    poll_aborted,
    post,
    post_aborted,
    post_fault,
    overlap,  // A second poll or POST while one is pending.
    websocket_attached,
    websocket_closed,
    websocket_error,
    websocket_fault,
    server_close,       // No poll is pending.
    server_close_poll,  // A poll is pending.
    server_drop,
    ping_due,
    pong_unasked,  // Revision 3, paused.
    heartbeat_end,
    limit_due,
    noop_due,
    ignored,
};

struct Session::Row {
    uint8_t states;
    Input input;
    std::optional<State> next;  // Empty: the state stays the same.
    Actions actions;
    std::optional<Reason> reason;  // Set with `closed`; empty: the reason that closing began with.
};

// finish() adds the actions that every end of a session needs.
constinit const Session::Row Session::rows[] = {
    {open, Input::message, {}, {.deliver = true}, {}},
    {open, Input::heartbeat, {}, {}, {}},
    {open, Input::wrong_heartbeat, State::closed, {}, Reason::transport_error},
    {open, Input::noop, {}, {}, {}},
    {open, Input::close_packet, State::closed, {.answer_noop = true}, Reason::transport_close},
    {closes, Input::close_packet, State::closed, {}, {}},

    {polls, Input::poll, {}, {.flush_poll = true}, {}},
    {closes, Input::poll, State::closed, {.answer_close = true}, {}},
    {polls, Input::poll_aborted, State::closed, {}, Reason::transport_error},
    {polls | closes, Input::post, {}, {}, {}},
    {polls, Input::post_aborted, State::closed, {}, Reason::transport_error},
    {polls, Input::post_fault, State::closed, {.answer_400 = true}, Reason::parse_error},
    {closes, Input::post_fault, State::closed, {.answer_400 = true}, {}},
    {polls, Input::overlap, State::closed, {.answer_400 = true}, Reason::transport_error},
    {closes, Input::overlap, State::closed, {.answer_400 = true}, {}},
    // Requests that were sent before the client knew of the upgrade or of the end.
    {in(State::websocket, State::closed), Input::poll, {}, {.answer_400 = true}, {}},
    {in(State::websocket, State::closed), Input::post, {}, {.answer_400 = true}, {}},
    {in(State::websocket, State::closed), Input::overlap, {}, {.answer_400 = true}, {}},
    {in(State::websocket, State::closed), Input::post_fault, {}, {.answer_400 = true}, {}},

    {in(State::polling), Input::websocket_attached, State::attached, {}, {}},
    {static_cast<uint8_t>(~in(State::polling)),
     Input::websocket_attached,
     {},
     {.refuse_websocket = true},
     {}},
    {probes,
     Input::probe_ping,
     State::probed,
     {.send_probe_answer = true, .answer_noop = true},
     {}},
    {in(State::closing_probed), Input::probe_ping, {}, {.send_probe_answer = true}, {}},
    {in(State::probed), Input::noop_due, {}, {.answer_noop = true}, {}},
    {probes,
     Input::probe_upgrade,
     State::websocket,
     {.answer_noop = true, .upgraded = true, .flush_websocket = true},
     {}},
    {in(State::closing_probed), Input::probe_upgrade, State::closed, {.flush_websocket = true}, {}},
    // A failed probe ends its WebSocket, not the session.
    {probes, Input::probe_other, State::polling, {.close_websocket = true}, {}},
    {probes, Input::limit_due, State::polling, {.close_websocket = true}, {}},
    {probes, Input::websocket_closed, State::polling, {}, {}},
    {probes, Input::websocket_error, State::polling, {}, {}},
    {in(State::closing_probed), Input::probe_other, State::closing, {.close_websocket = true}, {}},
    {in(State::closing_probed), Input::websocket_closed, State::closing, {}, {}},
    {in(State::closing_probed), Input::websocket_error, State::closing, {}, {}},

    {in(State::websocket), Input::websocket_closed, State::closed, {}, Reason::transport_close},
    {in(State::websocket), Input::websocket_error, State::closed, {}, Reason::transport_error},
    {in(State::websocket), Input::websocket_fault, State::closed, {}, Reason::parse_error},

    {open, Input::ping_due, {}, {.send_ping = true}, {}},
    {open, Input::pong_unasked, {}, {.send_pong = true}, {}},
    {open, Input::heartbeat_end, State::closed, {}, Reason::ping_timeout},
    {closes, Input::limit_due, State::closed, {}, {}},

    {polls, Input::server_close_poll, State::closed, {}, {}},
    {in(State::polling), Input::server_close, State::closing, {}, {}},
    {in(State::attached), Input::server_close, State::closing, {.close_websocket = true}, {}},
    {in(State::probed), Input::server_close, State::closing_probed, {}, {}},
    {in(State::websocket), Input::server_close, State::closed, {.flush_websocket = true}, {}},
    {open | closes, Input::server_drop, State::closed, {}, {}},
};

std::string_view reason_text(Reason reason) noexcept {
    constexpr std::array<std::string_view, 7> texts = {
        "transport error", "transport close",      "forced close",        "ping timeout",
        "parse error",     "server shutting down", "forced server close",
    };
    return texts[static_cast<size_t>(reason)];
}

Session::Session(Revision revision, Transport transport, Moment now) noexcept
    : state_(transport == Transport::polling ? State::polling : State::websocket),
      revision_(revision) {
    set_heartbeat(now.now_ms + now.options.ping_interval_ms +
                  (revision == Revision::eio3 ? now.options.ping_timeout_ms : 0));
}

Session::Input Session::input_of(Link link, const Packet& packet) const noexcept {
    if (state_ == State::closed) return Input::ignored;
    const bool current = (link == Link::websocket) == (state_ == State::websocket);
    if (!current) {
        // The packet is from a POST that the upgrade overtook, or from a WebSocket already given
        // up.
        if (link == Link::post || !is_in(state_, has_websocket)) return Input::ignored;
        if (packet.type == Type::ping && packet.data == "probe") return Input::probe_ping;
        return packet.type == Type::upgrade ? Input::probe_upgrade : Input::probe_other;
    }
    if (packet.type == Type::close) return Input::close_packet;
    if (!is_in(state_, open)) return Input::ignored;  // A closing session delivers nothing.
    const Type heartbeat = revision_ == Revision::eio4 ? Type::pong : Type::ping;
    switch (packet.type) {
        case Type::message: return Input::message;
        case Type::noop: return Input::noop;
        case Type::ping:
        case Type::pong:
            return packet.type == heartbeat ? Input::heartbeat : Input::wrong_heartbeat;
        default: return Input::other_packet;
    }
}

Session::Input Session::input_of(Event event) noexcept {
    switch (event) {
        case Event::poll_arrived: return poll_pending_ ? Input::overlap : Input::poll;
        case Event::poll_aborted: return claim_poll() ? Input::poll_aborted : Input::ignored;
        case Event::post_arrived: return post_pending_ ? Input::overlap : Input::post;
        case Event::post_done: post_pending_ = false; return Input::ignored;
        case Event::post_aborted: post_pending_ = false; return Input::post_aborted;
        case Event::post_fault: post_pending_ = false; return Input::post_fault;
        case Event::websocket_attached: return Input::websocket_attached;
        case Event::websocket_closed: return Input::websocket_closed;
        case Event::websocket_error: return Input::websocket_error;
        case Event::websocket_fault: break;
    }
    return state_ == State::websocket ? Input::websocket_fault : Input::probe_other;
}

Actions Session::on_packet(Link link, const Packet& packet, Moment now) noexcept {
    return step(input_of(link, packet), now);
}

Actions Session::on(Event event, Moment now) noexcept { return step(input_of(event), now); }

Actions Session::close(Reason reason, Moment now) noexcept {
    if (is_in(state_, open)) reason_ = reason;
    return step(poll_pending_ ? Input::server_close_poll : Input::server_close, now);
}

Actions Session::drop(Reason reason, Moment now) noexcept {
    if (is_in(state_, open)) reason_ = reason;
    return step(Input::server_drop, now);
}

Actions Session::ping(Moment now) noexcept {
    if (revision_ != Revision::eio4 || pong_due_) return {};
    return step(Input::ping_due, now);
}

Actions Session::on_timer(Moment now) noexcept {
    if (is_in(state_, open) && now.now_ms >= heartbeat_at_ms()) {
        const bool eio4 = revision_ == Revision::eio4;
        if (eio4 && (!pong_due_ || paused_)) return step(Input::ping_due, now);
        return step(paused_ ? Input::pong_unasked : Input::heartbeat_end, now);
    }
    if (is_in(state_, probes | closes) && now.now_ms >= whole_ms(limit_low_))
        return step(Input::limit_due, now);
    if (state_ == State::probed && poll_pending_ && now.now_ms >= whole_ms(noop_low_))
        return step(Input::noop_due, now);
    return {};
}

uint64_t Session::deadline_ms() const noexcept {
    uint64_t deadline = never;
    if (is_in(state_, open)) deadline = heartbeat_at_ms();
    if (is_in(state_, probes | closes)) deadline = std::min(deadline, whole_ms(limit_low_));
    if (state_ == State::probed && poll_pending_)
        deadline = std::min(deadline, whole_ms(noop_low_));
    return deadline;
}

void Session::pause(Moment now) noexcept {
    if (paused_) return;
    paused_ = true;
    // While paused, the session does not read the client's pings. The client gives up
    // ping_timeout_ms after its ping, so pongs are sent at half that interval without being asked
    // for.
    if (revision_ == Revision::eio3) set_heartbeat(now.now_ms + now.options.ping_timeout_ms / 2);
}

// The heartbeats that the client sent during the pause are read now. From now on the client has the
// full time for its next heartbeat.
void Session::resume(Moment now) noexcept {
    if (!paused_) return;
    paused_ = false;
    if (revision_ == Revision::eio3)
        set_heartbeat(now.now_ms + now.options.ping_interval_ms + now.options.ping_timeout_ms);
    else if (pong_due_)
        set_heartbeat(now.now_ms + now.options.ping_timeout_ms);
}

Session::Outlet Session::outlet() const noexcept {
    if (state_ == State::websocket) return Outlet::websocket;
    return poll_pending_ ? Outlet::poll : Outlet::none;
}

bool Session::claim_poll() noexcept {
    const bool pending = poll_pending_;
    poll_pending_ = false;
    return pending;
}

Transport Session::transport() const noexcept {
    return state_ == State::websocket ? Transport::websocket : Transport::polling;
}

Actions Session::step(Input input, Moment now) noexcept {
    constexpr Row nothing{0, Input::ignored, {}, {}, {}};
    constexpr Row protocol_error{0, Input::ignored, State::closed, {}, Reason::parse_error};
    if (input == Input::ignored) return {};

    const Row* row = std::ranges::find_if(
        rows, [&](const Row& r) { return r.input == input && is_in(state_, r.states); });
    if (row == std::end(rows)) row = input <= Input::other_packet ? &protocol_error : &nothing;

    const State before = state_;
    if (row->next) state_ = *row->next;
    if (row->reason) reason_ = *row->reason;
    Actions actions = row->actions;
    set_timers(before, input, now);

    if (actions.flush_poll) poll_pending_ = true;
    if (input == Input::post && !actions.answer_400) post_pending_ = true;
    if (actions.answer_noop) actions.answer_noop = claim_poll();
    if (input == Input::heartbeat && revision_ == Revision::eio3) actions.send_pong = true;
    if (actions.send_ping || actions.send_pong) {
        actions.flush_poll = outlet() == Outlet::poll;
        actions.flush_websocket = outlet() == Outlet::websocket;
    }
    if (state_ == State::closed && before != State::closed) return finish(actions, before, input);
    return actions;
}

void Session::set_timers(State before, Input input, Moment now) noexcept {
    switch (input) {
        case Input::heartbeat:
            pong_due_ = false;
            set_heartbeat(now.now_ms + now.options.ping_interval_ms +
                          (revision_ == Revision::eio3 ? now.options.ping_timeout_ms : 0));
            break;
        case Input::ping_due:
            pong_due_ = true;
            set_heartbeat(now.now_ms + now.options.ping_timeout_ms);
            break;
        case Input::pong_unasked:
            set_heartbeat(now.now_ms + now.options.ping_timeout_ms / 2);
            break;
        case Input::probe_ping:
        case Input::noop_due:
            noop_low_ = static_cast<uint32_t>(now.now_ms + noop_interval_ms);
            break;
        default: break;
    }
    if (state_ == before) return;
    if (state_ == State::attached)
        limit_low_ = static_cast<uint32_t>(now.now_ms + now.options.upgrade_timeout_ms);
    if (is_in(state_, closes) && !is_in(before, closes)) {
        // Not later than the heartbeat would end the session of a silent peer.
        uint64_t silent_at_ms = heartbeat_at_ms();
        if (revision_ == Revision::eio4 && !pong_due_) silent_at_ms += now.options.ping_timeout_ms;
        limit_low_ = static_cast<uint32_t>(
            std::min(now.now_ms + now.options.closing_timeout_ms, silent_at_ms));
    }
}

// Every end of a session also answers its pending poll and closes its WebSocket.
Actions Session::finish(Actions actions, State before, Input input) noexcept {
    actions.closed = true;
    if (claim_poll()) actions.answer_close = true;
    const bool gone = input == Input::websocket_closed || input == Input::websocket_error;
    if (is_in(before, has_websocket) && !gone) actions.close_websocket = true;
    return actions;
}

}  // namespace starling::engineio
