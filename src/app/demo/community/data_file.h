// app/demo/community/data_file.h: where the demo keeps its data when nobody said where.
//
// Thread: main's, before the server runs.
#pragma once

#include "app/config/config.h"

#include <string>

namespace starling::app::community {

inline constexpr const char* in_memory = ":memory:";

// The first of these that can be written, folders made as needed: $STATE_DIRECTORY/demo.sqlite (a
// systemd service), $XDG_STATE_HOME/starling/demo.sqlite, ~/.local/state/starling/demo.sqlite.
// `in_memory` where none can.
[[nodiscard]] std::string default_data_file(const Environment& environment);

// A file named ":memory:" in whatever folder is no file.
[[nodiscard]] std::string resolve_data_file(const std::string& path);

}  // namespace starling::app::community
