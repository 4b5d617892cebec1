// socketio/event_sink.h: gets the events of all clients, for a feature that passes events on without
// knowing their names. Events of a namespace with listeners go to those.
//
// Owner: the feature; it lives longer than the server's cores. Thread: each worker's, for its
// sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "socketio/codec/packet.h"

namespace starling::socketio {

class Socket;

// Valid until the call returns.
struct ClientEvent {
    // The event as the client sent it: a JSON array of the name and the arguments. "": the event
    // came with attachments or in MessagePack, so only `data` holds it.
    std::string_view text;
    const Json& data;  // The same array as a value, with the attachments in place.
    std::optional<uint64_t> ack_id;
};

class EventSink {
public:
    // An exception ends the client's connection.
    virtual void on_event(Socket& socket, const ClientEvent& event) = 0;

protected:
    ~EventSink() = default;
};

}  // namespace starling::socketio
