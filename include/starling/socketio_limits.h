// <starling/socketio_limits.h>: what a Socket.IO server counts for <starling/limits.h>.
#pragma once

namespace starling::sio {

class Socket;

// Counts one subscription of the client for Limits::joins. A handler calls it before it lets the
// client join a room that the client has asked for; Socket::join() itself counts nothing. All
// namespaces of the client count together. False: the client is over the limit, which
// ServerStats::limited_joins counts, or it is gone. On the socket's own thread; throws
// std::logic_error on others.
[[nodiscard]] bool takes_join(const Socket& socket);

}  // namespace starling::sio
