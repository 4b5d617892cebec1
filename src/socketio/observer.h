// socketio/observer.h: sees the sockets, rooms and events of all clients, for a feature that shows
// them to an operator. Without an observer each call site costs a comparison with null.
//
// Owner: the feature; it lives longer than the server's cores. Thread: each worker's, for its
// sockets.
#pragma once

#include <cstddef>
#include <string_view>

#include "socketio/codec/packet.h"

namespace starling::socketio {

class Namespace;
class Socket;

// The calls come from the midst of other work: they neither send nor change a socket or a room. The
// views are valid until the call returns.
class Observer {
public:
    // The handlers of on_connection() run after this call.
    virtual void connected(Socket& socket) = 0;
    // The socket is still in its rooms.
    virtual void disconnected(Socket& socket, std::string_view reason) = 0;
    // A room of a socket's own id is reported as well: before connected(), and after disconnected().
    virtual void room_joined(Namespace& nsp, std::string_view room, std::string_view id) = 0;
    virtual void room_left(Namespace& nsp, std::string_view room, std::string_view id) = 0;
    // The application may have changed Socket::data().
    virtual void data_touched(Socket& socket) = 0;
    // The client's connection has moved from polling to a WebSocket.
    virtual void upgraded(Socket& socket) = 0;

    // An event of the client, before its listeners run: the array of its name and its arguments.
    virtual void event_received(Socket& socket, const Packet& packet) = 0;
    // True: event_sent() is wanted for the packets that this socket gets now.
    [[nodiscard]] virtual bool watches_sent(const Socket& socket) noexcept = 0;
    // `bytes`: the size of the packet with its attachments.
    virtual void event_sent(Socket& socket, const Json& event, size_t bytes) = 0;

protected:
    ~Observer() = default;
};

}  // namespace starling::socketio
