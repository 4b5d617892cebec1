// app/connect/connect.h: `starling connect`: a WebSocket, Socket.IO or server events on a terminal or on
// pipes (docs/command-line.md).
//
// Thread: main's. SIGINT, SIGTERM, SIGHUP, SIGWINCH and SIGTSTP are blocked on this thread during the
// call.
#pragma once

#include "app/command_line.h"
#include "app/config/config.h"
#include "app/connect/options.h"
#include "app/streams.h"

namespace starling::app::connect {

// Returns the exit code, see the command's exits in app/command_table.cpp. The connection uses the
// descriptors; `streams.err` gets a line about a wrong command line.
[[nodiscard]] int run_connect(const CommandLine& line, const Environment& environment,
                              const Streams& streams, const Descriptors& descriptors = {});

}  // namespace starling::app::connect
