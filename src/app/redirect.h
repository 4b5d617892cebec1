// app/redirect.h: the listener that sends clients from http: to https:, a server of its own with one
// worker. It may serve the challenges of ACME (RFC 8555 section 8.3), which come in clear.
//
// Owner: main. Thread: the one that starts and stops the program.
#pragma once

#include <memory>

#include "app/config/settings.h"

namespace starling::app {

// Null: the configuration has none. The server is not started. `main`: the options of the server
// beside it, whose log, access log and inherited sockets it shares. Throws std::exception for options
// that the server refuses.
[[nodiscard]] std::unique_ptr<Server> make_redirect(const Settings& settings, ServerOptions main);

}  // namespace starling::app
