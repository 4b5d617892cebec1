// socketio/namespace_setup.h: the handlers, middleware and hooks that an application set for a
// namespace. A dynamic namespace shares the setup of its pattern.
//
// Owner: the Adapter, shared with the public sio::Namespace. Thread: set before the workers run,
//        read by all of them from then on; any thread may use `connected`.
#pragma once

#include <starling/socketio.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/cache_line.h"
#include "base/text.h"

namespace starling::socketio {

class Adapter;

using ListenerMap = std::unordered_map<std::string, std::vector<sio::detail::Listener>,
                                       base::TextHash, std::equal_to<>>;

struct NamespaceSetup {
    NamespaceSetup(Adapter& f, std::string n) : adapter(f), name(std::move(n)) {}

    Adapter& adapter;
    const std::string name;
    // Decides whether a dynamic namespace accepts a name. Empty: the namespace is not dynamic.
    sio::Server::Accept accept = {};
    bool close_when_empty = false;
    // Events of other nodes are not kept for clients that come back.
    bool unrecorded = false;
    // The server's own (the Admin UI), which checks who connects to it. The names, limits and login
    // that the settings have are for the clients of the other namespaces.
    bool own = false;

    std::vector<std::function<void(sio::Socket)>> on_connection;
    std::vector<std::function<void(sio::Socket, std::string_view)>> on_disconnect;
    std::vector<std::variant<sio::Namespace::Middleware, sio::Namespace::AsyncMiddleware>>
        middleware;
    ListenerMap listeners;
    ListenerMap server_listeners;
    sio::Namespace::RoomCall on_create_room, on_delete_room;
    sio::Namespace::MemberCall on_join_room, on_leave_room;

    // The number of sockets over all workers. Not on a line that messages read.
    alignas(base::cache_line_bytes) std::atomic<size_t> connected{0};
};

}  // namespace starling::socketio
