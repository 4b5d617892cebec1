// app/config/settings.h: what the program can be told: the sum of file, environment and command line. The
// initializers are the defaults; app/config/schema.cpp names every key.
//
// Owner: main, as a value. Thread: main's.
#pragma once

#include <starling/server.h>

#include <cstdint>
#include <string>
#include <vector>

namespace starling::app {

enum class Kind : uint8_t { echo, chat, broadcast };

struct WebSocketSettings {
    std::string path;
    Kind kind = Kind::echo;
    ws::Route limits;  // Its handlers are set by app/kinds.
};

// A key of auth.keys: its material, or the file that holds it.
struct AuthKeySettings {
    std::string id;
    auth::Algorithm algorithm = auth::Algorithm::hs256;
    std::string secret, path;
    std::string material;  // Of either, set by Config::finish().
};

struct Settings {
    ServerOptions server;  // All but `log`, which is opened from `log` below.
    log::Options log;
    http::CorsOptions cors;
    std::string root;                  // "": no static files.
    std::vector<std::string> origins;  // For everything that has origins, beside those of its own.
    bool demo = false;
    std::string demo_data;  // "": where app/demo/community/data_file.h says.
    std::vector<WebSocketSettings> websocket;
    bool events_enabled = false;  // The demo has them in any case.
    events::Options events;       // All but `auth.keys` and `auth.leeway`, see app/events.h.
    std::vector<events::Channel> event_channels;
    std::vector<AuthKeySettings> auth_keys;
    std::chrono::milliseconds auth_leeway{30'000};

    // From flags and environment; together they replace server.certificates.
    std::string tls_cert, tls_key;
};

}  // namespace starling::app
