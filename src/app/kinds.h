// app/kinds.h: the handlers of a configured WebSocket path.
//
// Owner: the Server; the handlers refer to it. Thread: any worker's.
#pragma once

#include "app/config/settings.h"

#include <starling/server.h>

namespace starling::app {

// Returns `limits` with the handlers of `kind`. Chat and broadcast have one room per actual path,
// so a pattern with parameters has many rooms.
[[nodiscard]] ws::Route make_route(Server& server, Kind kind, ws::Route limits);

}  // namespace starling::app
