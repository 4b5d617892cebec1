// app/demo/figures.h: what the demo tells everyone about its own server, for the home page. GET
// /figures is one answer as JSON; the WebSocket /figures gets the same each second:
//
//     {"uptime_s":12,"workers":2,"connections":3,"websockets":1,"socketio_sessions":0,
//      "requests_per_s":1.5,"received_per_s":0,"sent_per_s":1}
//
// A GET from this machine also has "urls", the addresses that another machine can open. Others do not
// learn the addresses of this machine.
//
// Owner: the handlers, which the server owns. Thread: any; figures_of() and reachable_urls() are pure.
#pragma once

#include <starling/server.h>
#include <starling/socketio_value.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::app {

inline constexpr const char* figures_path = "/figures";
inline constexpr size_t reachable_urls_max = 8;

struct Reading {
    ServerStats stats;
    int64_t at_ms = 0;  // Of a monotonic clock that began with the server.
};

// `before` is earlier than `now`: the rates are those between the two.
[[nodiscard]] sio::Json figures_of(const Reading& before, const Reading& now, unsigned workers);

// The URLs of `listening` that another machine can open. A URL for all addresses (0.0.0.0, [::])
// becomes one for each of `interfaces`, which are IPv4 addresses of this machine.
[[nodiscard]] std::vector<std::string> reachable_urls(const std::vector<std::string>& listening,
                                                      const std::vector<std::string>& interfaces);

// Mounts /figures. `listening` is called while the server runs.
void serve_figures(Server& server, ws::Route limits,
                   std::function<std::vector<std::string>()> listening);

}  // namespace starling::app
