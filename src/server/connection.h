// server/connection.h: what a worker asks of any of its connections when it stops.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <starling/websocket.h>

#include "net/stream.h"

namespace starling::server {

class Connection : public net::StreamHandler {
public:
    // Ends politely: an HTTP connection after the answer in progress, a WebSocket with 1001.
    virtual void go_away() = 0;
    // It has the stream now, behind the head of a streamed answer: see SiteRoute::take_over.
    virtual void took_over() {}
};

// Who has promised an answer, or waits for a body, and must know when that comes to nothing.
class RequestWatcher {
public:
    // The client left. The connection watches for nobody any more.
    virtual void client_left() = 0;
    // The body was refused for its size.
    virtual void body_refused() = 0;
    // The server stops: the promise should be kept now.
    virtual void server_stops() = 0;

protected:
    ~RequestWatcher() = default;
};

class WsConnection;

// What is above a WebSocket inside the library, in place of the route's handlers. Owner: the
// WsConnection. Nothing is called after on_closed().
class WsHandler : public ws::detail::AnyData {
public:
    virtual void on_open(WsConnection& connection) = 0;
    virtual void on_message(std::span<const std::byte> bytes, bool binary) = 0;
    virtual void on_drained() = 0;
    virtual void on_violation() = 0;  // The peer broke the protocol; on_closed() follows.
    virtual void go_away() = 0;       // The server stops. Closes the connection.
    virtual void on_closed() = 0;
};

}  // namespace starling::server
