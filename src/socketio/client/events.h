// socketio/client/events.h: what a client reports to the application, and what it asks of its
// surroundings. The client's I/O half implements Host and the receivers of events; tests implement
// them with a simulated clock and wire.
//
// Owner: the owner of the Manager; all of these live longer than it. Thread: the Manager's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engineio/client_session.h"
#include "socketio/codec/json_reader.h"
#include "socketio/codec/packet.h"

namespace starling::socketio::client {

class Reply;

class Host {
public:
    [[nodiscard]] virtual uint64_t now_ms() const noexcept = 0;  // Of a steady clock.
    [[nodiscard]] virtual double random() = 0;                   // From 0 up to, without, 1.
    // Makes the connections of one session; the wire reports to the session. The wire is freed
    // before the session, and while nothing of either is on the stack.
    [[nodiscard]] virtual std::unique_ptr<engineio::ClientWire> open_wire(
        engineio::ClientSession& session) = 0;
    // Memory of decoded packets. One Arena serves all managers of a loop.
    [[nodiscard]] virtual Arena& arena() noexcept = 0;
    [[nodiscard]] virtual engineio::UpgradeMemory& upgrade_memory() noexcept = 0;

protected:
    ~Host() = default;
};

// The arguments are valid until the call returns: the next packet may reuse their memory.
using Arguments = std::span<const Json>;

// Receives the events of a Manager, under the names of npm socket.io-client 4.8:
//
//     open                 a session is open
//     error                {message, code, reason}: a session could not be opened, or failed
//     ping                 a ping came (Engine.IO 3: was sent)
//     close                reason, details: the session ended
//     drain                what was emitted has left; in Node's client an event of its `engine`
//     reconnect            attempts: a session is open again
//     reconnect_attempt    attempts: an attempt begins
//     reconnect_error      error, as above: an attempt failed
//     reconnect_failed     the last attempt has failed
class ManagerEvents {
public:
    virtual void on_manager_event(std::string_view name, Arguments args) = 0;

protected:
    ~ManagerEvents() = default;
};

// Receives the events of a Socket.
class SocketEvents {
public:
    // The client's own events, under the names of npm socket.io-client 4.8:
    //
    //     connect
    //     connect_error     {message, data?, code?, reason?}
    //     disconnect        reason, details: null or {description, code?}
    //
    // and under the names of 1.x, which a server may use for its own events as well:
    //
    //     connecting        connect() was called
    //     connect_failed    after a connect_error for which no session could be opened
    //     error             the error of a connect_error that the server sent; a failure of an open
    //                       session, before `disconnect`
    //     reconnecting      attempts, with the manager's reconnect_attempt
    //     reconnect         attempts, with the manager's reconnect, before `connect`
    //     reconnect_failed  with the manager's reconnect_failed
    virtual void on_own_event(std::string_view name, Arguments args) = 0;
    // An event of the server. args[0] is the event's name or number. With connection state
    // recovery, the last argument is the event's offset, as in Node's client.
    virtual void on_event(Arguments args, const Reply& reply) = 0;
    // An event that is sent now. Called only if wants_outgoing().
    virtual void on_outgoing(Arguments args) = 0;
    [[nodiscard]] virtual bool wants_outgoing() const noexcept = 0;

protected:
    ~SocketEvents() = default;
};

}  // namespace starling::socketio::client
