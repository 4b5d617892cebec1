// server/socketio/bundles.h: serves the browser clients of Socket.IO at the paths of Node's server:
// /socket.io/socket.io.js and its siblings, and for older pages /socket.io/2/socket.io.js and
// /socket.io/1.4.4/socket.io.js.
#pragma once

#include <starling/socketio_options.h>

namespace starling::server {

struct Site;

// Adds the routes of the bundles; a missing file answers 404. False: no folder of bundles was
// found.
[[nodiscard]] bool mount_clients(Site& site, const sio::Options& options);

}  // namespace starling::server
