// server/engineio/options.h: what may be set of an Engine.IO endpoint. Names and defaults are those of
// Node's engine.io 6, but where a limit protects the server.
//
// Owner: Engine, which copies it. Read-only once the workers run; hooks are called on any worker.
#pragma once

#include <starling/http.h>
#include <starling/websocket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace starling::server {

struct EngineCookie {
    std::string name = "io";
    http::CookieOptions options = {};  // Path "/", HttpOnly, SameSite=Lax.
};

struct EngineOptions {
    std::string path = "/socket.io";  // A trailing slash is not part of it.
    bool add_trailing_slash = true;   // Served at "/socket.io/" alone; false: at "/socket.io" too.

    // Transports that a session may begin with and use.
    bool polling = true;
    bool websocket = true;
    bool allow_upgrades = true;  // From polling to WebSocket.
    bool allow_eio3 = false;     // Clients of revision 3 (Socket.IO 1.x and 2.x); else error 5.

    // A session is closed where interval + timeout pass without a sign of life.
    std::chrono::milliseconds ping_interval{25'000};
    std::chrono::milliseconds ping_timeout{20'000};
    // From the first packet on the WebSocket ("2probe") to the last ("5").
    std::chrono::milliseconds upgrade_timeout{10'000};

    uint64_t max_http_buffer_size = 1'000'000;    // Bytes of a POST (413) or message (1009).
    uint64_t send_queue_bytes_max = 1024 * 1024;  // More: the session is closed.

    // Sessions that EngineSession::keep() was not called for: they end after this time, whatever they wait
    // for, and the oldest one makes room for a new one where there are too many of one address (IPv6: of
    // one /64) on a worker, or where a quarter of all sessions that may be are such. 0: none are.
    std::chrono::milliseconds join_timeout{0};
    uint32_t unjoined_per_address_max = 1'000;

    // Asked once for each new session. Text refuses it: 403, code 4, with that message.
    std::function<std::optional<std::string>(const http::Request&)> allow_request = {};

    ws::Compression per_message_deflate = {};  // Off by default.
    // Poll replies from this size on are gzipped where the client accepts it; nothing: never.
    std::optional<size_t> http_compression_threshold = 1024;

    std::optional<EngineCookie> cookie = {};     // Set with the sid by the reply that opens.
    std::optional<http::CorsOptions> cors = {};  // Its origins may connect.
    // Further origins, as in ws::Route::origins. Pages of the same origin, and clients without an
    // Origin, always may; others get 403 before anything is opened.
    std::vector<std::string> origins = {};
    // Sec-WebSocket-Protocol, by preference; empty: the first that the client offers, as Node does.
    std::vector<std::string> subprotocols = {};

    // Told of each request that was refused with one of the errors 0 to 5.
    std::function<void(const http::Request&, int code, std::string_view message)> connection_error =
        {};

    // Sees the fields of replies and of the 101: of the one that opens a session; of each.
    std::function<void(http::Response&, const http::Request&)> initial_headers = {};
    std::function<void(http::Response&, const http::Request&)> headers = {};
};

}  // namespace starling::server
