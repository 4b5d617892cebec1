// server/gateway/sio_client.h: clients of the gateway that speak Socket.IO: one for each socket in a namespace.
//
// Thread: handlers are called on each worker's.
#pragma once

#include <cstddef>
#include <memory>

namespace starling::server {

class Extension;
class Gateway;

// The Socket.IO server of gateway.routes()[route]. The gateway owns it, and passes the calls of the server's core on
// to it; attach() before the gateway's parts are made, so that the sessions of a worker end before its part.
[[nodiscard]] std::unique_ptr<Extension> make_sio_clients(Gateway& gateway, size_t route);

}  // namespace starling::server
