// app/settings.h: what the program can be told: the sum of file, environment and command line. The
// initializers are the defaults; app/schema.cpp names every key.
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

struct Settings {
    ServerOptions server;  // All but `log`, which is opened from `log` below.
    log::Options log;
    http::CorsOptions cors;
    std::string root;  // "": no static files.
    bool demo = false;
    std::vector<WebSocketSettings> websocket;

    // From flags and environment; together they replace server.certificates.
    std::string tls_cert, tls_key;
};

}  // namespace starling::app
