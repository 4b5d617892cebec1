// net/stream_state.h: the states of a Stream as tables: what each event does in each state. Pure.
//
// A stream has three independent states: its life, its input and its output. A cell with the action
// `fault` is a bug of this library, and fails an assertion. tests/net/stream_state_test.cpp checks
// every cell.
//
// Owner: the Stream. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/assert.h"

namespace starling::net {

// The life of a stream, to its end.
struct StreamLife {
    enum class State : uint8_t {
        open,
        half_open,  // The peer has ended, and the handler was told; this side may still send.
        flushing,   // close() was called: the queue is sent first.
        // Like flushing, and the peer has ended: the stream closes once the queue is sent.
        last_flush,
        lingering,   // This side has ended (FIN): input is dropped until the peer ends.
        cancelling,  // Over, but the backend may still read the bytes of a send.
        closed,      // Over: the loop frees the stream at the end of the tick.
    };
    enum class Event : uint8_t {
        close,       // The handler closes, or TLS has failed.
        all_sent,    // Nothing is queued and no send is pending.
        peer_ended,  // The peer has ended, and the handler may be told now.
        timed_out,
        over,        // Reset, failed, stalled, complete, or taken off the loop.
        over_held,   // Like over, while the backend still cancels a send.
        given_back,  // The cancelled send has ended.
    };
    enum class Action : uint8_t {
        none,
        start_flush,
        tell_drained,
        start_linger,
        finish,  // Nothing is left to do: `over` follows.
        tell_ended,
        tell_timeout,
        check_flush,  // Cuts off a peer that takes nothing.
        // Like check_flush; also ends the wait for a peer that has received everything.
        check_linger,
        free,  // At the end of the tick.
        fault,
    };
    struct Cell {
        State next;
        Action action;
    };
    static constexpr size_t states = 7, events = 7;
    static const Cell table[states][events];
};

// The input state of a stream, which decides what happens to arriving bytes.
struct StreamInput {
    enum class State : uint8_t {
        flowing,         // The handler gets what arrives.
        yielded,         // The handler goes on in the next tick; until then nothing is read.
        paused,          // The handler wants no input; the backend does not receive.
        paused_yielded,  // Paused after yielding in the same tick.
    };
    enum class Event : uint8_t { pause, resume, yield, turn };
    enum class Action : uint8_t { none, receive_off, receive_on, queue_turn, deliver, fault };
    struct Cell {
        State next;
        Action action;
    };
    static constexpr size_t states = 4, events = 4;
    static const Cell table[states][events];
};

// The output state of a stream, which decides when queued bytes go to the backend.
struct StreamOutput {
    enum class State : uint8_t {
        idle,            // Nothing to do at the end of the tick.
        listed,          // In the loop's list of streams to flush at the end of the tick.
        sending,         // A send is pending; what is queued waits for its completion.
        listed_sending,  // Like sending, and still in the list of this tick.
    };
    enum class Event : uint8_t {
        wrote,    // Bytes were queued, or on_drained() was asked for.
        flush,    // The loop reaches the stream in its list.
        pending,  // The backend will complete a send later.
        sent,     // The pending send has completed, or was cancelled.
    };
    enum class Action : uint8_t { none, list, send, fault };
    struct Cell {
        State next;
        Action action;
    };
    static constexpr size_t states = 4, events = 4;
    static const Cell table[states][events];
};

// A state and the table that changes it.
template <class Table>
class StreamMachine {
public:
    using State = typename Table::State;
    using Event = typename Table::Event;
    using Action = typename Table::Action;

    // The caller carries out the action.
    Action on(Event event) noexcept {
        const auto& cell = Table::table[size_t(state_)][size_t(event)];
        STARLING_ASSERT(cell.action != Action::fault);
        state_ = cell.next;
        return cell.action;
    }
    [[nodiscard]] State get() const noexcept { return state_; }

private:
    State state_{};
};

inline constexpr StreamLife::Cell StreamLife::table[states][events] = {
    // close, all_sent, peer_ended, timed_out, over, over_held, given_back
    {{State::flushing, Action::start_flush},
     {State::open, Action::tell_drained},
     {State::half_open, Action::tell_ended},
     {State::open, Action::tell_timeout},
     {State::closed, Action::free},
     {State::cancelling, Action::none},
     {State::open, Action::fault}},
    {{State::last_flush, Action::start_flush},  // half_open
     {State::half_open, Action::tell_drained},
     {State::half_open, Action::none},
     {State::half_open, Action::tell_timeout},
     {State::closed, Action::free},
     {State::cancelling, Action::none},
     {State::half_open, Action::fault}},
    {{State::flushing, Action::none},
     {State::lingering, Action::start_linger},
     {State::last_flush, Action::none},
     {State::flushing, Action::check_flush},
     {State::closed, Action::free},
     {State::cancelling, Action::none},
     {State::flushing, Action::fault}},
    {{State::last_flush, Action::none},
     {State::last_flush, Action::finish},
     {State::last_flush, Action::none},
     {State::last_flush, Action::check_flush},
     {State::closed, Action::free},
     {State::cancelling, Action::none},
     {State::last_flush, Action::fault}},
    {{State::lingering, Action::none},
     {State::lingering, Action::fault},
     {State::lingering, Action::finish},
     {State::lingering, Action::check_linger},
     {State::closed, Action::free},
     {State::lingering, Action::fault},
     {State::lingering, Action::fault}},
    {{State::cancelling, Action::none},
     {State::cancelling, Action::fault},
     {State::cancelling, Action::none},
     {State::cancelling, Action::fault},
     {State::cancelling, Action::none},
     {State::cancelling, Action::none},
     {State::closed, Action::free}},
    {{State::closed, Action::none},
     {State::closed, Action::fault},
     {State::closed, Action::none},
     {State::closed, Action::fault},
     {State::closed, Action::none},
     {State::closed, Action::none},
     {State::closed, Action::fault}},
};

inline constexpr StreamInput::Cell StreamInput::table[states][events] = {
    // pause, resume, yield, turn
    {{State::paused, Action::receive_off},
     {State::flowing, Action::none},
     {State::yielded, Action::queue_turn},
     {State::flowing, Action::fault}},
    {{State::paused_yielded, Action::receive_off},
     {State::yielded, Action::none},
     {State::yielded, Action::none},
     {State::flowing, Action::deliver}},
    {{State::paused, Action::none},
     {State::flowing, Action::receive_on},
     {State::paused_yielded, Action::queue_turn},
     {State::paused, Action::fault}},
    {{State::paused_yielded, Action::none},
     {State::yielded, Action::receive_on},
     {State::paused_yielded, Action::none},
     {State::paused, Action::none}},
};

inline constexpr StreamOutput::Cell StreamOutput::table[states][events] = {
    // wrote, flush, pending, sent
    {{State::listed, Action::list},
     {State::idle, Action::fault},
     {State::sending, Action::none},
     {State::idle, Action::fault}},
    {{State::listed, Action::none},
     {State::idle, Action::send},
     {State::listed_sending, Action::none},
     {State::listed, Action::fault}},
    {{State::sending, Action::none},
     {State::sending, Action::fault},
     {State::sending, Action::fault},
     {State::idle, Action::none}},
    {{State::listed_sending, Action::none},
     {State::sending, Action::none},
     {State::listed_sending, Action::fault},
     {State::listed, Action::none}},
};

}  // namespace starling::net
