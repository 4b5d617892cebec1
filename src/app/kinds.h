// app/kinds.h: what a configured WebSocket path does.
//
// Owner: the Server, which must outlive nothing else: the routes refer to it. Thread: any worker's.
#pragma once

#include "app/config/settings.h"

#include <starling/server.h>

namespace starling::app {

// `limits` with its handlers set. Chat and broadcast have a room for each actual path, so that one
// pattern with parameters makes many rooms.
[[nodiscard]] ws::Route make_route(Server& server, Kind kind, ws::Route limits);

}  // namespace starling::app
