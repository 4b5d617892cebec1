// socketio/client/options.h: the options of a Socket.IO client, as the pure half sees them. Names
// and defaults are those of npm socket.io-client 4.8; 0 stands for the default where Node's client
// takes it so. Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "engineio/client_session.h"
#include "socketio/codec/packet.h"

namespace starling::socketio::client {

struct ManagerOptions {
    engineio::ClientSessionOptions engine = {};  // Revision 3: for servers with Socket.IO 2.x.
    Codec codec = Codec::json;
    // attachments_max also limits what the client sends in a packet.
    DecodeLimits decode = {};
    bool auto_connect = true;
    bool reconnection = true;
    uint64_t reconnection_attempts = 0;         // 0: without end.
    uint64_t reconnection_delay_ms = 1000;      // 0: 1000.
    uint64_t reconnection_delay_max_ms = 5000;  // 0: 5000.
    double randomization_factor = 0.5;          // 0 to 1.
    // From the start of an attempt to the open packet; nullopt: no limit.
    std::optional<uint64_t> timeout_ms = 20'000;
};

struct SocketOptions {
    // Called for each CONNECT packet, which leaves when `reply` is called, now or later. The
    // argument: an object, or null for no auth. An empty function: no auth.
    using AuthReply = std::function<void(Json auth)>;
    std::function<void(AuthReply reply)> auth = {};
    // How often an event is sent again that was not acknowledged: the client then sends one event
    // at a time, with an ack. 0: events are sent once.
    uint32_t retries = 0;
    // The default timeout of acks; nullopt: an ack waits until the socket disconnects.
    std::optional<uint64_t> ack_timeout_ms = std::nullopt;
    // Events that wait for a connection, and events that wait for their turn of `retries`. Node's
    // client has no limit.
    size_t buffered_events_max = 100'000;
    // The packets with what a restored session has missed, which come before the answer to CONNECT.
    // Also at most buffered_events_max. Node's client has no limit.
    uint64_t early_bytes_max = 64 * 1024 * 1024;
};

}  // namespace starling::socketio::client
