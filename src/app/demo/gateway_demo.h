// app/demo/gateway_demo.h: the gateway in `starling serve --demo`: clients at /gateway/ws, and an
// application of the demo's own in the same process, so that the console page /gateway has
// something to show.
//
// Thread: main's, before the server runs.
#pragma once

#include "app/config/settings.h"

#include <string_view>

namespace starling::app {

inline constexpr std::string_view gateway_demo_path = "/gateway/application";

// Adds the demo's gateway to settings without a gateway. Does nothing if no listener can be reached
// over plain HTTP at a known port, because all of them use TLS or a port that the kernel chooses.
void add_gateway_demo(Settings& settings);

// Mounts the application. It keeps no state, and its answers reach clients only through the
// gateway, so a stranger's request to it has no effect. It answers webhooks with actions:
//   open      the client joins the topic "demo" and gets {"event":"welcome","conn_id"}
//   message   {"say":TEXT} is published to the topic as {"event":"said","from","text"}; every other message comes back
//             as {"event":"echo","data"}
void serve_gateway_demo(Server& server);

}  // namespace starling::app
