// socketio/socket_extras.h: what most sockets never need, so that an idle one stays small.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "socketio/socket.h"

namespace starling::socketio {

struct Socket::Extras {
    // Shared: one that runs may be removed by itself.
    std::vector<std::shared_ptr<const sio::Socket::Any>> any, any_outgoing;
    std::vector<std::shared_ptr<const sio::Socket::PacketMiddleware>> middleware;
    std::vector<PendingAck> acks;  // In the order in which they were asked for.
    Json data, auth;
    std::shared_ptr<void> object;
    const void* object_tag = nullptr;
    std::string user;
    std::string private_id;  // With recovery.
    uint64_t login_due_ms = 0, login_timer = 0;
    bool recovered = false;
};

}  // namespace starling::socketio
