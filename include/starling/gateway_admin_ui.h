// <starling/gateway_admin_ui.h>: Socket.IO's Admin UI for a Socket.IO route of the gateway, see
// <starling/socketio_admin_ui.h>.
//
//     sio::instrument(server.gateway(options), 0, {.password_hash = "$2b$10$..."});
//
// The application of the route gets no events of the pages.
#pragma once

#include <starling/gateway.h>
#include <starling/socketio_admin_ui.h>

#include <cstddef>

namespace starling::sio {

// `route`: the index in gateway::Options::routes. Before the server starts. Throws as the function for
// a Server does, and std::invalid_argument for a route of another kind.
void instrument(gateway::Gateway& gateway, size_t route, AdminUiOptions options);

}  // namespace starling::sio
