// app/socketio.h: the Socket.IO servers that the configuration names (socketio[]).
//
// Pure but for serve_socketio(). Thread: main's, before the server runs.
#pragma once

#include <starling/server.h>
#include <starling/socketio_options.h>

#include <string_view>

#include "app/config/settings.h"

namespace starling::app {

// The options of one server. `one` is an element of settings.socketio.
[[nodiscard]] sio::Options socketio_options(const Settings& settings, const SocketIoSettings& one);

// True: another Socket.IO server of all sites cannot have that path, because an element has it, with or
// without a slash at its end. An element of one site only leaves no place for it in a cluster, whose
// nodes know a Socket.IO server by its path.
[[nodiscard]] bool has_socketio_at(const Settings& settings, std::string_view path);

// Mounts an element whose kind is not `gateway`. `channels`: null if no events are served. Throws
// std::exception for options that the server refuses.
sio::Server& serve_socketio(Server& server, const Settings& settings, const SocketIoSettings& one,
                            events::Channels* channels);

}  // namespace starling::app
