// server/engineio/options.h: the options of an Engine.IO endpoint. Names and defaults are those of
// Node's engine.io 6, except for the limits that protect the server.
//
// Owner: Engine, which copies them. Read-only once the workers run; any worker may call the hooks.
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
    http::CookieOptions options = {};  // Default: Path "/", HttpOnly, SameSite=Lax.
};

struct EngineOptions {
    std::string path = "/socket.io";  // Without a trailing slash.
    // True: served at "/socket.io/" only. False: at "/socket.io" too.
    bool add_trailing_slash = true;

    // The transports that a session may use, and begin with.
    bool polling = true;
    bool websocket = true;
    bool allow_upgrades = true;  // From polling to WebSocket.
    // Admit clients of revision 3 (Socket.IO 1.x and 2.x). False: they get error 5.
    bool allow_eio3 = false;

    // The most that each of the next three and join_timeout may be; the Engine refuses a longer
    // time. 6 days.
    static constexpr std::chrono::milliseconds time_max{INT32_MAX / 4};
    // A session ends after ping_interval + ping_timeout without a sign of life.
    std::chrono::milliseconds ping_interval = sio::default_ping_interval;
    std::chrono::milliseconds ping_timeout = sio::default_ping_timeout;
    // The most time between the first packet on the WebSocket ("2probe") and the last one ("5").
    std::chrono::milliseconds upgrade_timeout{10'000};

    // Limit in bytes of a POST (beyond: status 413) and of a message (beyond: close code 1009).
    uint64_t max_http_buffer_size = 1'000'000;
    uint64_t send_queue_bytes_max = 1024 * 1024;  // Beyond: the session is closed.

    // A session is unused until EngineSession::keep() is called for it. An unused session ends
    // after this time, whatever it waits for. A new session ends the oldest unused one if its
    // address (IPv6: its /64) has unjoined_per_address_max of them on the worker, or if unused
    // sessions fill a quarter of the worker's share of all sessions. 0: no session counts as
    // unused.
    std::chrono::milliseconds join_timeout{0};
    uint32_t unjoined_per_address_max = 1'000;

    // Called once for each new session. A text refuses it: 403, code 4, with that text as message.
    std::function<std::optional<std::string>(const http::Request&)> allow_request = {};

    ws::Compression per_message_deflate = {};  // Off by default.
    // Poll replies of at least this many bytes are gzipped if the client accepts it; nothing:
    // never.
    std::optional<size_t> http_compression_threshold = 1024;

    // Set by the reply that opens a session; its value is the sid.
    std::optional<EngineCookie> cookie = {};
    std::optional<http::CorsOptions> cors = {};  // Origins that CORS allows may also connect.
    // Further origins, as in ws::Route::origins. Pages of the same origin and clients without an
    // Origin may always connect; all others get 403 before anything is opened.
    std::vector<std::string> origins = {};
    // Values for Sec-WebSocket-Protocol, preferred first. Empty: the first one that the client
    // offers, as on Node's server.
    std::vector<std::string> subprotocols = {};

    // Called for each request refused with one of the errors 0 to 5.
    std::function<void(const http::Request&, int code, std::string_view message)> connection_error =
        {};

    // Called with the header fields of replies and of 101: `initial_headers` for the request that
    // opens a session, `headers` for each request.
    std::function<void(http::Response&, const http::Request&)> initial_headers = {};
    std::function<void(http::Response&, const http::Request&)> headers = {};
};

}  // namespace starling::server
