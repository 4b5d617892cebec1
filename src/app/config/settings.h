// app/config/settings.h: all settings of the program, merged from file, environment and command
// line. The initializers are the defaults; app/config/schema.cpp names every key.
//
// Owner: main, as a value. Thread: main's.
#pragma once

#include <starling/admin.h>
#include <starling/cluster.h>
#include <starling/gateway.h>
#include <starling/server.h>

#include <cstdint>
#include <string>
#include <vector>

namespace starling::app {

enum class Kind : uint8_t { echo, chat, broadcast };

struct WebSocketSettings {
    std::string path;
    Kind kind = Kind::echo;
    ws::Route limits;  // make_route() in app/kinds.h sets the handlers.
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
    std::vector<std::string> origins;  // Added to the own list of every route that checks origins.
    bool demo = false;
    std::string demo_data;  // "": the default of app/demo/community/data_file.h.
    std::vector<WebSocketSettings> websocket;
    bool events_enabled = false;  // The demo serves events in any case.
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

    // From the flags and the environment; both together replace server.certificates.
    std::string tls_cert, tls_key;
};

}  // namespace starling::app
