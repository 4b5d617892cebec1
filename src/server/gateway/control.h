// server/gateway/control.h: the control API of the gateway, /tapr/ws/...: see docs/gateway.md.
//
// Thread: routes are called on each worker's.
#pragma once

namespace starling::server {

class Gateway;
struct Site;

// Adds the routes. The gateway outlives the site.
void mount_control(Site& site, Gateway& gateway);

}  // namespace starling::server
