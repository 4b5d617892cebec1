// server/socketio/bundles.h: the browser clients of Socket.IO, as they are beside a server of Node's:
// /socket.io/socket.io.js and its siblings; /socket.io/2/socket.io.js, /socket.io/1.4.4/socket.io.js for
// older pages.
#pragma once

#include <starling/socketio_options.h>

namespace starling::server {

struct Site;

// Adds their routes. A file that is not there answers 404. False: there is no folder of bundles to serve.
[[nodiscard]] bool mount_clients(Site& site, const sio::Options& options);

}  // namespace starling::server
