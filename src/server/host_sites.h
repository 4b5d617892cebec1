// server/host_sites.h: the sites of a server that are chosen by the request's host, see
// <starling/sites.h>.
//
// Owner: Site. Built before the workers start and read-only from then on.
#pragma once

#include <starling/sites.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/host_table.h"
#include "http/router.h"
#include "server/site.h"

namespace starling::server {

// What one site has of its own.
struct HostEntry final : HostSite {
    HostEntry(Site& whole, std::vector<std::string> names) : site(whole), hosts(std::move(names)) {}
    void route(std::string_view method, std::string_view pattern, http::Handler handler) override;
    void route(std::string_view method, std::string_view pattern, http::Route options) override;
    void websocket(std::string_view pattern, ws::Route route) override;
    void default_header(std::string_view name, std::string_view value) override;
    void remove_header(std::string_view name) override;
    bool change_origins(std::string_view pattern, std::vector<std::string> origins) override;
    void hide(std::string_view path) override;
    void cors(http::CorsOptions options) override;
    void allow_origins(std::vector<std::string> origins) override;

    // True: the site does not serve what the server has at `pattern` on all hosts.
    [[nodiscard]] bool hides(std::string_view pattern) const noexcept;
    // The routes for a request's path, percent-encoded. For a path that hide() names they are those of
    // the site alone, because a pattern of the server ("/room/:id") may match it.
    [[nodiscard]] const http::Router& routes_for(std::string_view raw_path) const;
    // For another start of the server.
    void clear_routes() noexcept {
        router = {};
        own_ = {};
    }
    // Adds a route of the site itself to both routers.
    void add_own(std::string_view method, std::string_view pattern, int index);
    [[nodiscard]] const http::CorsOptions* own_cors() const noexcept {
        return cors_ ? &*cors_ : nullptr;
    }
    // Null: none.
    [[nodiscard]] const std::vector<std::string>* own_origins() const noexcept {
        return origins_.empty() ? nullptr : &origins_;
    }
    // Sets the fields of an answer that the application did not set, and removes those that the
    // site does not want.
    void decorate(http::Response& response) const;

    Site& site;
    const std::vector<std::string> hosts;
    http::Router
        router;  // The site's routes and those of the server; built by Site::finish_hosts().
    std::vector<DefaultHeader> default_headers;
    std::vector<std::string> removed_headers;

private:
    std::vector<std::string> hidden_;
    std::optional<http::CorsOptions> cors_;
    std::vector<std::string> origins_;
    http::Router own_;  // The site's routes alone.
};

// Calls `add`; what it adds to `site` is of `host` alone. Null: of all hosts.
void add_for_host(Site& site, HostEntry* host, const std::function<void()>& add);

class HostSites {
public:
    struct Found {
        const HostEntry* entry = nullptr;  // Null: the default site.
        int refusal = 0;                   // The status; 0: served.
    };
    // `host`: of the request. `server_name`: of the TLS handshake; "": none.
    [[nodiscard]] Found find(std::string_view host, std::string_view server_name) const noexcept;

    HostEntry& add(Site& site, std::vector<std::string> hosts);
    // The site that was made with this name. Throws std::invalid_argument: there is none.
    [[nodiscard]] HostEntry& named(std::string_view host) const;
    // Throws std::invalid_argument as HostTable::add() does.
    void set_unknown(UnknownHost rule, const std::vector<std::string>& own);

    [[nodiscard]] const std::vector<std::unique_ptr<HostEntry>>& entries() const noexcept {
        return entries_;
    }
    // Besides those of ServerOptions.
    void add_certificate(Certificate files, const std::vector<std::string>& hosts) {
        certificates_.emplace_back(std::move(files), hosts);
    }
    [[nodiscard]] const std::vector<std::pair<Certificate, std::vector<std::string>>>&
    certificates() const noexcept {
        return certificates_;
    }

private:
    static constexpr int default_site = -1;

    http::HostTable table_;
    std::vector<std::unique_ptr<HostEntry>> entries_;
    std::vector<std::pair<Certificate, std::vector<std::string>>> certificates_;
    UnknownHost unknown_ = UnknownHost::serve;
};

}  // namespace starling::server
