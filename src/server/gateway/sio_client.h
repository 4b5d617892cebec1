// server/gateway/sio_client.h: clients of the gateway that speak Socket.IO: one for each socket in
// a namespace.
//
// Thread: handlers are called on each worker's.
#pragma once

#include <starling/socketio.h>

#include <cstddef>
#include <memory>

#include "server/extension.h"

namespace starling::server {

class Gateway;

class SioRoute : public Extension {
public:
    [[nodiscard]] virtual sio::Server& io() noexcept = 0;
};

// Makes the Socket.IO server of gateway.routes()[route]. The gateway owns the result and passes the
// server's calls of Extension on to it. Call attach() before the gateway's parts are made, so that
// a worker's sessions end before its part.
[[nodiscard]] std::unique_ptr<SioRoute> make_sio_clients(Gateway& gateway, size_t route);

}  // namespace starling::server
