// server/gateway/ws_client.h: clients of the gateway that speak WebSocket.
//
// Thread: handlers are called on each worker's.
#pragma once

#include <cstddef>

namespace starling::server {

class Gateway;
struct Site;

// Adds the WebSocket path of gateway.routes()[route]. The gateway outlives the site.
void mount_ws_clients(Site& site, Gateway& gateway, size_t route);

}  // namespace starling::server
