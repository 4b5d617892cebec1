// <starling/sites.h>: several sites on one server, chosen by the request's host.
//
//     auto& shop = starling::serve_host(server, {.hosts = {"shop.example", "*.shop.example"}});
//     shop.get("/cart", ...);
//     starling::serve_files(server, shop, "/", "/srv/shop");
//
// Routes of the Server itself are served on every host, and those of a site win over them; its
// static files (Server::files()) are served only on hosts without a site. What on_site() adds is of
// one site alone: WebSocket paths, Socket.IO, channels. Middleware is the Server's, for all sites.
// A server without sites does not look at the host. See docs/sites.md.
#pragma once

#include <starling/server.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling {

struct HostOptions {
    // "example.com", "192.0.2.1", "[2001:db8::1]" exactly; "*.example.com" is every name beneath the
    // domain, but not the domain. Case, a port and a dot at the end do not matter. Of several sites
    // that match, the exact name wins, then the longest wildcard.
    std::vector<std::string> hosts;
    // For TLS clients that ask for one of these hosts (SNI), whatever names it holds. Empty paths: the
    // certificates of ServerOptions.
    Certificate certificate = {};
};

// What a request to a host gets that belongs to no site, if the server has sites.
enum class UnknownHost : uint8_t {
    serve,        // The routes and files of the Server itself.
    misdirected,  // 421.
    not_found,    // 404.
};

// One site. A TLS client gets 421 if its request's host is of another site than the name of its
// handshake (RFC 9110 section 15.5.20). Owner: the Server. Thread: before the server starts,
// unless a function says otherwise; the functions throw as those of Server do.
class HostSite {
public:
    virtual ~HostSite() = default;
    void get(std::string_view pattern, http::Handler handler) {
        route("GET", pattern, std::move(handler));
    }
    void post(std::string_view pattern, http::Handler handler) {
        route("POST", pattern, std::move(handler));
    }
    void any(std::string_view pattern, http::Handler handler) {
        route("*", pattern, std::move(handler));
    }
    virtual void route(std::string_view method, std::string_view pattern,
                       http::Handler handler) = 0;
    virtual void route(std::string_view method, std::string_view pattern, http::Route options) = 0;
    virtual void websocket(std::string_view pattern, ws::Route route) = 0;
    // As Server::default_header(). Wins over that of the server.
    virtual void default_header(std::string_view name, std::string_view value) = 0;
    // Every answer of the site lacks this field, whoever has set it. Framing fields (Content-Length,
    // Transfer-Encoding, Connection, Upgrade, Date) throw std::invalid_argument.
    virtual void remove_header(std::string_view name) = 0;
    // As Server::change_origins(), for a WebSocket path of the site. Any thread, while the server lives.
    virtual bool change_origins(std::string_view pattern, std::vector<std::string> origins) = 0;
    // What the Server has on all hosts at `path` and beneath it is not served on this site: 404,
    // unless the site has a route or a file of its own there. Throws std::invalid_argument for a
    // path that does not begin with a slash.
    virtual void hide(std::string_view path) = 0;
    // As Server::cors(), for this site, in place of that.
    virtual void cors(http::CorsOptions options) = 0;
    // Origins whose pages may use what is served on this site: WebSocket paths, Socket.IO,
    // channels, the gateway; in addition to the origins of each (ws::Route::origins). Throws
    // std::invalid_argument for an origin that is none.
    virtual void allow_origins(std::vector<std::string> origins) = 0;
};

// Throws std::invalid_argument for a name that is malformed, or belongs to another site.
HostSite& serve_host(Server& server, HostOptions options);
// Calls `add` at once. What it adds to `server` is served on `site` alone: routes, WebSocket paths,
// static files, Server::socketio(), Server::events(), Server::gateway(). So two sites may have
// different Socket.IO servers at one path. Server::cors(), use() and default_header() concern all
// sites there, too. Thread: before the server starts, while no other thread adds to the server.
// Throws std::logic_error after start(), std::invalid_argument for a site of another server, and
// what `add` throws.
void on_site(Server& server, HostSite& site, const std::function<void()>& add);
// As Server::files(), for one site.
void serve_files(Server& server, HostSite& site, std::string_view prefix, std::string root,
                 http::StaticFileOptions options = {});
// `own`: further hosts of the Server itself, in the format of HostOptions::hosts. They are not unknown.
void set_unknown_hosts(Server& server, UnknownHost rule, std::vector<std::string> own = {});
// As HostSite::remove_header(), for all sites.
void remove_header(Server& server, std::string_view name);
// Nothing: `text` may stand in HostOptions::hosts. Otherwise what is wrong with it.
[[nodiscard]] std::optional<std::string> fault_of_host(std::string_view text);

}  // namespace starling
