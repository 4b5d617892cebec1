// <starling/socketio_options.h>: the options of a Socket.IO server: names and defaults as Node's, but
// where a safer one is said so. Included by <starling/socketio.h>.
#pragma once

#include <starling/auth.h>
#include <starling/http.h>
#include <starling/socketio_value.h>
#include <starling/websocket.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::sio {

// Why a middleware refuses: the client's "connect_error" gets {message, data}.
struct Error {
    std::string message;
    Json data = nullptr;
};

enum class Transport : uint8_t { polling, websocket };

enum class Parser : uint8_t {
    json,
    msgpack,  // npm socket.io-msgpack-parser, on both sides.
};

// A client that comes back soon gets its id, rooms, data and the events it missed.
struct Recovery {
    std::chrono::milliseconds max_disconnection_duration{120'000};
    bool skip_middlewares = true;
    size_t packets_max = 10'000;            // Kept for those who are away: the newest.
    uint64_t bytes_max = 64 * 1024 * 1024;  // Likewise.
    size_t sessions_max = 100'000;          // Who may be away at one time.
};

struct Cookie {
    std::string name = "io";  // Its value is the session's id.
    http::CookieOptions options = {};
};

struct HttpCompression {
    bool enabled = true;
    size_t threshold_bytes = 1024;
};

struct Options {
    std::string path = "/socket.io";
    bool add_trailing_slash = true;  // False: served at the path without a slash behind it too.
    // The clients at PATH/socket.io.js and its siblings, from this folder; "": where they were
    // installed. Where there are none they are 404.
    bool serve_client = true;
    std::string client_dir = "";

    // ---- Engine.IO --------------------------------------------------------------------------------
    std::vector<Transport> transports = {Transport::polling, Transport::websocket};
    bool allow_upgrades = true;
    bool allow_eio3 = false;  // Clients 1.x and 2.x.
    std::chrono::milliseconds ping_interval{25'000};
    std::chrono::milliseconds ping_timeout{20'000};
    std::chrono::milliseconds upgrade_timeout{10'000};
    uint64_t max_http_buffer_size = 1'000'000;    // Bytes of a message, and of a POST.
    uint64_t send_queue_bytes_max = 1024 * 1024;  // Of one client; more: it is disconnected.
    ws::Compression per_message_deflate = {};
    HttpCompression http_compression = {};
    std::optional<Cookie> cookie = std::nullopt;
    // Pages of other sites: Node lets any of them open a WebSocket; here both transports ask this
    // list and `cors` (as ws::Route::origins), and refuse others with 403.
    std::vector<std::string> origins = {};
    // Sec-WebSocket-Protocol: which of the client's offers is taken, by preference (none: no field in the
    // answer, and a browser gives up). Empty: the first that the client offers, as Node does.
    std::vector<std::string> subprotocols = {};
    std::optional<http::CorsOptions> cors = std::nullopt;
    // Refuses a request with error 4 (403): returns the reason, or nothing to go on.
    std::function<std::optional<std::string>(const http::Request&)> allow_request = {};
    // Adds fields to the first answer of a session, and to every one.
    std::function<void(const http::Request&, http::Response&)> initial_headers = {}, headers = {};
    std::string initial_packet = "";  // Text that each client gets as "message" of Engine.IO.

    // ---- Socket.IO --------------------------------------------------------------------------------
    Parser parser = Parser::json;
    std::chrono::milliseconds connect_timeout{10'000};  // To join a namespace; Node: 45 s.
    // Sessions of one address (IPv6: of one /64) on one worker that have joined no namespace yet. A new one
    // ends the oldest of them, and likewise where they are a quarter of all connections that may be.
    uint32_t unjoined_per_address_max = 1'000;
    std::optional<Recovery> connection_state_recovery = std::nullopt;
    bool cleanup_empty_child_namespaces = false;
    uint32_t max_attachments = 10;                  // Of one packet.
    uint32_t namespaces_max = 100;                  // Of one client.
    uint32_t pending_acks_max = 1'000;              // That are awaited of one socket.
    std::chrono::milliseconds ack_timeout{10'000};  // Where none is given; Node: none.

    // ---- Login ------------------------------------------------------------------------------------
    // With keys or a user header: who connects must be logged in, by `auth: {token}`, or by what
    // Authenticator::identify() reads of the request. Refused: CONNECT_ERROR "unauthorized" with
    // data {code}. The login ends with its token: the socket is disconnected then.
    std::optional<auth::Options> auth = std::nullopt;
    bool auth_required = true;  // False: who has no token connects as nobody; a bad one is refused.
};

}  // namespace starling::sio
