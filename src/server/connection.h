// server/connection.h: what a worker asks of any of its connections when it stops.
#pragma once

#include "net/stream.h"

namespace starling::server {

class Connection : public net::StreamHandler {
public:
    // Ends politely: an HTTP connection after the answer in progress, a WebSocket with 1001.
    virtual void go_away() = 0;
    // It has the stream now, behind the head of a streamed answer: see SiteRoute::take_over.
    virtual void took_over() {}
};

}  // namespace starling::server
