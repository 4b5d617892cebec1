// app/demo/socketio_chat.h: the demo's chat over Socket.IO, in the namespace "/". The comment at
// the top of web/socketio/socketio.js lists its events.
//
// Owner: its handlers, which the server owns. Thread: main's, before the server runs.
#pragma once

#include <starling/server.h>
#include <starling/socketio.h>

#include <cstddef>

namespace starling::app {

inline constexpr size_t socketio_text_bytes_max = 16 * 1024;

// `in_cluster`: the result joins a cluster (<starling/cluster.h>). The chat's members then are those
// of all its nodes.
sio::Server& serve_socketio_chat(Server& server, sio::Options options = {},
                                 bool in_cluster = false);

}  // namespace starling::app
