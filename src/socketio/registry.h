// socketio/registry.h: what an application set for a namespace: handlers, middleware, hooks. A dynamic
// namespace shares that of the pattern it came from.
//
// Owner: the Family, shared with the public sio::Namespace. Thread: set before the workers run, read
// by all of them from then on; `connected` any thread.
#pragma once

#include <starling/socketio.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/text.h"

namespace starling::socketio {

class Family;

using ListenerMap = std::unordered_map<std::string, std::vector<sio::detail::Listener>,
                                       base::TextHash, std::equal_to<>>;

struct Registry {
    Registry(Family& f, std::string n) : family(f), name(std::move(n)) {}

    Family& family;
    const std::string name;
    // Of a dynamic one; empty for one that has that very name.
    sio::Server::Accept accept = {};
    bool close_when_empty = false;

    std::vector<std::function<void(sio::Socket)>> on_connection;
    std::vector<std::function<void(sio::Socket, std::string_view)>> on_disconnect;
    std::vector<std::variant<sio::Namespace::Guard, sio::Namespace::AsyncGuard>> guards;
    ListenerMap listeners;
    ListenerMap server_listeners;
    sio::Namespace::RoomCall on_create_room, on_delete_room;
    sio::Namespace::MemberCall on_join_room, on_leave_room;

    std::atomic<size_t> connected{0};  // Sockets, over all workers.
};

}  // namespace starling::socketio
