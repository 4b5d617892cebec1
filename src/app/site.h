// app/site.h: mounts all that the program serves: health checks, configured WebSocket paths, static
// files, the demo.
//
// Owner: main. Thread: main's, before the server runs.
#pragma once

#include "app/config/settings.h"
#include "base/result.h"

#include <starling/server.h>
#include <starling/sites.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace starling::app {

namespace community {
class Community;
}

// Finds the folder of the demo's pages, starting at the executable: that of an installation, or
// that of the source tree around a build folder. "": not found.
[[nodiscard]] std::string find_web_folder(const std::string& executable_path);

// Likewise finds the documentation's site, which ./dev docs builds.
[[nodiscard]] std::string find_docs_folder(const std::string& executable_path);

// A key whose value the server refused.
struct SiteFault {
    std::string key, what;
};

using SiteByHost = std::map<std::string, HostSite*>;  // By each of their hosts.

// Facts to report once the server has started.
struct SiteFacts {
    std::string made_publish_key;  // The random key of POST /api/publish; "": a key was configured.
    // The random key of the gateway's control API; "": a key was configured, or there is no gateway.
    std::string made_gateway_key;
    std::string made_admin_key;     // "": a key was configured, or there is no admin listener.
    admin::Admin* admin = nullptr;  // Null: there is no admin listener.
    events::Channels* channels = nullptr;  // Null: no server events.
    gateway::Gateway* gateway = nullptr;   // Null: no gateway.
    SiteByHost sites = {};
};

// Mounts everything. `community` is null without the demo; it must outlive the server.
base::Result<SiteFacts, SiteFault> build_site(Server& server, const Settings& settings,
                                              community::Community* community = nullptr);

// The URLs of all addresses that the server listens on, in the order of the configuration. Valid
// after Server::start().
[[nodiscard]] std::vector<std::string> listening_urls(const Server& server,
                                                      const ListenList& listen,
                                                      bool has_certificates);

// "http://localhost:8080" for an element of Server::addresses().
[[nodiscard]] std::string url_of(std::string_view address, bool secure);

}  // namespace starling::app
