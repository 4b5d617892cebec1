// server/connection.h: the interface of a worker to its connections when it stops.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/slot_table.h"
#include "net/stream.h"

namespace starling::server {

struct ConnectionFacts;

class Connection : public net::StreamHandler {
public:
    // Closes gracefully: an HTTP connection after the answer in progress, a WebSocket with code
    // 1001.
    virtual void go_away() = 0;
    // Called 10 ms after go_away(): closes a connection that has no request. A request that the
    // client sent before it could know of the stop has arrived by now. While a drain lasts, a
    // connection that has had no request yet waits for its first one.
    virtual void close_idle() {}
    // This object has become the stream's handler, and the head of its answer was sent: see
    // HttpConnection::hand_over_to().
    virtual void took_over() {}
    // Fills in what this connection knows about itself.
    virtual void describe(ConnectionFacts& facts) = 0;
    // An operator ends this connection. `code` and `reason` are for WebSockets.
    virtual void disconnect(uint16_t code, std::string_view reason) = 0;
};

enum class RequestEnd : uint8_t {
    answered,      // The answer is complete, or was cut short.
    body_refused,  // Answered early: the body is too large.
    client_left,   // The connection was closed.
};

// Gets a call when a request in progress ends. The watcher lives longer than the connections of its
// worker. The watched object (`subject`) and the request are named by keys; a key finds nothing
// once its object is gone.
class RequestWatcher {
public:
    // The last call for a request. Worker::replies() no longer finds `request`.
    virtual void request_ended(base::SlotKey subject, base::SlotKey request, RequestEnd how) = 0;
    // The server stops: send the promised answer now.
    virtual void request_must_end(base::SlotKey subject, base::SlotKey request) = 0;

protected:
    ~RequestWatcher() = default;
};

}  // namespace starling::server
