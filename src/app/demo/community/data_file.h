// app/demo/community/data_file.h: the default place of the demo's data file.
//
// Thread: main's, before the server runs.
#pragma once

#include "app/config/config.h"

#include <string>

namespace starling::app::community {

inline constexpr const char* in_memory = ":memory:";

// The first of these files that can be written; missing folders are created:
// $STATE_DIRECTORY/demo.sqlite (a systemd service), $XDG_STATE_HOME/starling/demo.sqlite,
// ~/.local/state/starling/demo.sqlite. `in_memory` if none can be written.
[[nodiscard]] std::string default_data_file(const Environment& environment);

// Returns `in_memory` for a file named ":memory:" in any folder, otherwise `path`.
[[nodiscard]] std::string resolve_data_file(const std::string& path);

}  // namespace starling::app::community
