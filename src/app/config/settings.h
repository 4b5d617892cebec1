// app/config/settings.h: all settings of the program, merged from file, environment and command
// line. The initializers are the defaults; app/config/schema.cpp names every key.
//
// Owner: main, as a value. Thread: main's.
#pragma once

#include <starling/admin.h>
#include <starling/cluster.h>
#include <starling/gateway.h>
#include <starling/server.h>
#include <starling/sites.h>
#include <starling/socketio_admin_ui.h>
#include <starling/socketio_options.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace starling::app {

enum class Kind : uint8_t { echo, chat, broadcast };

struct WebSocketSettings {
    std::string path;
    Kind kind = Kind::echo;
    ws::Route limits;       // make_route() in app/kinds.h sets the handlers.
    std::string site = {};  // A host of the site that has the path; "": all sites.
};

// How the static files of a folder are served. Those of `sites` and `files` that are not set are those
// of `static`.
struct StaticSettings {
    http::StaticFileOptions options;  // Without `types`.
    std::vector<std::string> types;   // ".wasm: application/wasm".
};

// One element of sites.
struct SiteSettings {
    std::vector<std::string> hosts;
    std::string root;  // "": no static files.
    StaticSettings statics;
    std::vector<std::string> add_headers, remove_headers;  // "Name: value"; "Name".
    std::string cert, key;                                 // "": those of tls.certificates.
    std::vector<std::string> origins;                      // Besides those of each path.
    http::CorsOptions cors;                                // No origins: those of http.cors.
    // What is served on all sites, and on this one.
    bool events = true, socketio = true, gateway = true;
    std::vector<std::string> hide;  // Paths.
};

// One element of files: a further folder of static files.
struct FilesSettings {
    std::string path, root, site;  // `site` as for WebSocketSettings.
    StaticSettings statics;
};

// The listener that sends clients from http: to https:.
struct RedirectSettings {
    std::vector<std::string> listen;               // Empty: there is none.
    std::vector<std::string> proxy_protocol_from;  // As Listen's, of all these addresses.
    uint32_t https_port = 443;
    std::string acme_root;  // "": no ACME challenges are served.
};

// What is behind a Socket.IO server of the configuration.
enum class SocketIoKind : uint8_t {
    channels,   // The channels of server events: app/socketio_channels.h.
    broadcast,  // Each event goes to all clients of its namespace.
    gateway,    // The gateway's route with the same path.
};

enum class SocketIoLoginRule : uint8_t { none, optional, required };

// One element of socketio; app/socketio.h makes the options from it.
struct SocketIoSettings {
    SocketIoSettings() {
        options.namespaces = {"/"};
        options.cleanup_empty_child_namespaces = true;
    }
    SocketIoKind kind = SocketIoKind::channels;
    sio::Options options;  // Without what the members below say.
    std::vector<std::string> transports = {"polling", "websocket"};
    std::string cookie;                  // "": none.
    http::CookieOptions cookie_options;  // Without `max_age_s`.
    uint32_t cookie_max_age_s = 0;       // 0: until the browser closes.
    http::CorsOptions cors;
    bool recovers = false;
    sio::Recovery recovery;
    SocketIoLoginRule login = SocketIoLoginRule::none;
    uint32_t rooms_max = 100;
    std::string site = {};  // As for WebSocketSettings.
};

// One element of socketio_namespaces.
struct NamespaceSettings {
    sio::NamespaceLimits limits;
    std::string path = "/socket.io/", site;  // Of the element of socketio.
};

// One element of auth.keys: the key's material, or the file that holds the material.
struct AuthKeySettings {
    std::string id;
    auth::Algorithm algorithm = auth::Algorithm::hs256;
    std::string secret, path;
    std::string material;  // Set by Config::finish(), from the file or the configuration.
};

struct Settings {
    ServerOptions server;  // Without `log`, which is opened from the `log` below.
    log::Options log;
    http::CorsOptions cors;
    std::string root;                  // "": no static files.
    StaticSettings statics;            // Of the root, and of what does not set its own.
    std::vector<std::string> origins;  // Added to the own list of every route that checks origins.
    bool demo = false;
    std::string demo_data;  // "": the default of app/demo/community/data_file.h.
    std::vector<std::string> add_headers, remove_headers;  // Of all sites.
    std::vector<SiteSettings> sites;
    std::vector<std::string> hosts;  // Of the default site.
    UnknownHost unknown_host = UnknownHost::serve;
    std::vector<FilesSettings> files;
    RedirectSettings redirect;
    std::vector<WebSocketSettings> websocket;
    std::vector<SocketIoSettings> socketio;
    std::vector<NamespaceSettings> socketio_namespaces;
    bool events_enabled = false;  // The demo serves events in any case.
    std::string events_site;      // As for WebSocketSettings.
    events::Options events;       // Without `auth.keys` and `auth.leeway`, see app/events.h.
    std::vector<events::Channel> event_channels;
    std::vector<AuthKeySettings> auth_keys;
    std::chrono::milliseconds auth_leeway{30'000};

    bool gateway_enabled = false;               // `starling gateway` serves it in any case.
    gateway::Options gateway = {.routes = {}};  // No route: one route with the defaults is used.
    bool gateway_demo = false;   // The gateway is the one of app/demo/gateway_demo.h.
    std::string control_listen;  // The address of the control API; "": those of `listen`.
    std::string manifest;  // "": none. The manifest names the application of a route that has none.

    // An empty URL: no cluster.
    ClusterOptions cluster = {.url = ""};
    std::string cluster_mode = "native", cluster_subscriptions = "dynamic";

    bool admin_enabled = true;
    std::string admin_listen = "127.0.0.1:8081", admin_key_path;
    admin::Options admin;     // `listen` is set by Config::finish().
    std::string admin_pages;  // Folder of the admin page; "": it was not found.
    std::string docs;         // Folder of the documentation's site; "": it was not found.

    std::string user, group;      // To become once the addresses are bound; "": none.
    std::string access_log_path;  // "": see the schema.

    bool admin_ui_enabled = false;  // Socket.IO's Admin UI.
    std::string admin_ui_mode = "production";
    sio::AdminUiOptions admin_ui;  // Without `mode`.

    // From the flags and the environment; both together replace server.certificates.
    std::string tls_cert, tls_key;
};

inline constexpr size_t no_site = SIZE_MAX;
// The index of the element of sites that has the host, or no_site.
[[nodiscard]] size_t site_of(const Settings& settings, std::string_view host) noexcept;
// True: the hosts name the same site, or none of them names one. Two servers that meet need different
// paths; one of all sites and one of a single site may have the same, and the single site's wins.
[[nodiscard]] bool meet(const Settings& settings, std::string_view host,
                        std::string_view other) noexcept;

// True: addresses with `tls: auto` use TLS, though they have no certificate of their own.
[[nodiscard]] bool has_certificates(const Settings& settings) noexcept;
// `shared`: what has_certificates() says.
[[nodiscard]] bool uses_tls(const Listen& listen, bool shared) noexcept;

}  // namespace starling::app
