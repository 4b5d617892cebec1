// server/connection.h: what a worker asks of any of its connections when it stops.
#pragma once

#include <cstdint>

#include "base/slot_table.h"
#include "net/stream.h"

namespace starling::server {

class Connection : public net::StreamHandler {
public:
    // Ends politely: an HTTP connection after the answer in progress, a WebSocket with 1001.
    virtual void go_away() = 0;
    // It has the stream now, behind the head of a streamed answer: see HttpConnection::hand_over_to().
    virtual void took_over() {}
};

enum class RequestEnd : uint8_t {
    answered,      // Its answer is complete, or as complete as it will be.
    body_refused,  // Answered before the end of its body, which is too large.
    client_left,   // Its connection closed.
};

// What is told of requests in work. The watcher outlives every connection of its worker; what it watches
// for (`subject`) and the request are named by keys, which find nothing once their object is gone.
class RequestWatcher {
public:
    // The last call about a request. Worker::replies() does not find `request` any more.
    virtual void request_ended(base::SlotKey subject, base::SlotKey request, RequestEnd how) = 0;
    // The server stops: a promised answer should come now.
    virtual void request_must_end(base::SlotKey subject, base::SlotKey request) = 0;

protected:
    ~RequestWatcher() = default;
};

}  // namespace starling::server
