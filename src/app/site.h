// app/site.h: what the program serves: health, configured WebSocket paths, static files, the demo.
//
// Owner: main. Thread: main's, before the server runs.
#pragma once

#include "app/config/settings.h"
#include "base/result.h"

#include <starling/server.h>

#include <string>
#include <string_view>

namespace starling::app {

namespace community {
class Community;
}

// The folder with the demo's pages, looked for from the executable: of an installation, then of the
// source tree around a build folder. "": no such folder exists.
[[nodiscard]] std::string find_web_folder(const std::string& executable_path);

// A key whose value the server refuses.
struct SiteFault {
    std::string key, what;
};

// What is to be told when the server has started.
struct SiteFacts {
    std::string made_publish_key;  // The random key of POST /api/publish; "": one was configured.
};

// Registers everything. `community`: of the demo, or null; it outlives the server.
base::Result<SiteFacts, SiteFault> build_site(Server& server, const Settings& settings,
                                              community::Community* community = nullptr);

// "http://localhost:8080" for an address as Server::addresses() tells it.
[[nodiscard]] std::string url_of(std::string_view address, bool secure);

}  // namespace starling::app
