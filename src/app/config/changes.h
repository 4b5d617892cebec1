// app/config/changes.h: the difference between two configurations, and which part of it a running
// server can take over.
//
// Pure.
#pragma once

#include "app/config/settings.h"

#include <string>
#include <string_view>
#include <vector>

namespace starling::app {

struct ConfigChanges {
    std::vector<std::string> live;     // Keys that a running server takes over.
    std::vector<std::string> restart;  // Keys that count after a restart.
};

// A list whose elements came or went is named once: "websocket". Keys whose material lies in a file
// count as changed if the file's content is another.
[[nodiscard]] ConfigChanges compare(const Settings& before, const Settings& after);

// A server that was started with `started` has taken `changes.live` over, but not in every part:
// Socket.IO servers keep their logins and origins, and what is switched off takes nothing over. Names
// these keys in `changes.restart`. `since_start`: what differs from `started` now.
void name_kept(ConfigChanges& changes, const Settings& started, const ConfigChanges& since_start);

// True: a running server takes the key over, as the schema writes it: "websocket[].origins".
[[nodiscard]] bool is_live(std::string_view schema_key);

}  // namespace starling::app
