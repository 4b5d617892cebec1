// app/redirect.h: the listener that sends clients from http: to https:, a server of its own with one
// worker. It may serve the challenges of ACME (RFC 8555 section 8.3), which come in clear.
//
// Owner: main. Thread: the one that starts and stops the program.
#pragma once

#include <memory>
#include <vector>

#include "app/config/settings.h"

namespace starling::app {

// Null: the configuration has none. The server is not started. `inherited`: see
// ServerOptions::inherited.
[[nodiscard]] std::unique_ptr<Server> make_redirect(const Settings& settings,
                                                    std::shared_ptr<log::Sink> log,
                                                    std::vector<int> inherited);

}  // namespace starling::app
