// socketio/socket_extras.h: members that most sockets never need, kept apart so that idle sockets
// stay small.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "socketio/socket.h"

namespace starling::socketio {

struct Socket::Extras {
    // Shared pointers, because a running listener may remove itself.
    std::vector<std::shared_ptr<const sio::Socket::Any>> any, any_outgoing;
    std::vector<std::shared_ptr<const sio::Socket::PacketMiddleware>> middleware;
    std::vector<PendingAck> acks;  // Oldest first.
    Json data, auth;
    std::shared_ptr<void> object;
    const void* object_tag = nullptr;
    std::string user;
    std::string private_id;  // Set only with recovery.
    uint64_t login_due_ms = 0, login_timer = 0;
    bool recovered = false;
    bool unsaved = false;           // Listed in Server::unsaved_.
    std::optional<StreamId> begin;  // See SavedSession.
    uint64_t saved_print = 0;       // Of the session as it was saved last; 0: never.
    std::unique_ptr<detail::Scope> coroutines;
};

}  // namespace starling::socketio
