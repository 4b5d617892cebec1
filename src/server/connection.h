// server/connection.h: what a worker asks of any of its connections when it stops.
#pragma once

#include "net/stream.h"

namespace starling::server {

class Connection : public net::StreamHandler {
public:
    // Ends politely: an HTTP connection after the answer in progress, a WebSocket with 1001.
    virtual void go_away() = 0;
};

}  // namespace starling::server
