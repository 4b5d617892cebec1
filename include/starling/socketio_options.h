// <starling/socketio_options.h>: the options of a Socket.IO server. Names and defaults are those of
// Node's server; comments mark the safer defaults. Included by <starling/socketio.h>.
#pragma once

#include <starling/auth.h>
#include <starling/heartbeat.h>
#include <starling/http.h>
#include <starling/limits.h>
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

// The refusal of a middleware: the client's "connect_error" gets {message, data}.
struct Error {
    std::string message;
    Json data = nullptr;
};

enum class Transport : uint8_t { polling, websocket };

enum class Parser : uint8_t {
    json,
    msgpack,  // npm socket.io-msgpack-parser, on both sides.
};

// Connection state recovery: a client that reconnects in time gets back its id, its rooms, its data
// and the events that it missed.
struct Recovery {
    std::chrono::milliseconds max_disconnection_duration{120'000};
    bool skip_middlewares = true;
    size_t packets_max = 10'000;            // Newest packets kept for clients that are away.
    uint64_t bytes_max = 64 * 1024 * 1024;  // Total size of the kept packets.
    size_t sessions_max = 100'000;          // Clients that are away at one time.
};

struct Cookie {
    std::string name = "io";  // The cookie's value is the session's id.
    http::CookieOptions options = {};
};

struct HttpCompression {
    bool enabled = true;
    size_t threshold_bytes = 1024;
};

// Limits of the namespaces that have a name. 0: no limit. They count in this process, also in a
// cluster.
struct NamespaceLimits {
    // As in Options::namespaces. Of several that match, the first one counts. Server::socketio()
    // throws std::invalid_argument for a name that does not begin with a slash.
    std::string name;
    // Clients that are connected, or that middleware still decides about, over all workers; those
    // of all namespaces that match, together. Further ones get CONNECT_ERROR "too many connections"
    // with data {code: 429}.
    uint32_t connections_max = 0;
    // Events and acks of one client. A client that exceeds it is disconnected from all namespaces
    // and its connection ends: a dropped event would leave its ack open.
    Rate messages = {};
    // Bytes of such a packet, with its attachments. A client that exceeds it is disconnected, too.
    uint64_t message_bytes_max = 0;
    // Rooms of one client besides its own. Socket::join() beyond it does nothing.
    uint32_t rooms_max = 0;
};

struct Options {
    std::string path = "/socket.io";
    bool add_trailing_slash = true;  // False: "/socket.io" is served too.
    // Folder of the browser bundles PATH/socket.io.js and its siblings. "": the folder of the
    // installation. A missing bundle answers 404.
    bool serve_client = true;
    std::string client_dir = "";

    // ---- Engine.IO ------------------------------------------------------------------------------
    std::vector<Transport> transports = {Transport::polling, Transport::websocket};
    bool allow_upgrades = true;
    bool allow_eio3 = false;  // Clients 1.x and 2.x.
    // The next three: at most 6 days each.
    std::chrono::milliseconds ping_interval = default_ping_interval;
    std::chrono::milliseconds ping_timeout = default_ping_timeout;
    std::chrono::milliseconds upgrade_timeout{10'000};
    // Bytes of a message, of a POST, and of a packet together with all its attachments.
    uint64_t max_http_buffer_size = 1'000'000;
    uint64_t send_queue_bytes_max = 1024 * 1024;  // Per client; more disconnects the client.
    ws::Compression per_message_deflate = {};
    HttpCompression http_compression = {};
    std::optional<Cookie> cookie = std::nullopt;
    // Origins of other sites whose pages may connect (as ws::Route::origins), in addition to those
    // of `cors`. Both transports refuse other origins with 403. Node lets every page open a
    // WebSocket.
    std::vector<std::string> origins = {};
    // Sec-WebSocket-Protocol: the accepted subprotocols, the preferred one first. If the client
    // offers none of them, the answer has no such field and a browser fails the connection. Empty
    // list: the client's first offer is accepted, as Node does.
    std::vector<std::string> subprotocols = {};
    std::optional<http::CorsOptions> cors = std::nullopt;
    // Returns the reason to refuse the request with error 4 (403), or nullopt to accept the
    // request.
    std::function<std::optional<std::string>(const http::Request&)> allow_request = {};
    // Hooks that add header fields: to the first response of a session; to every response.
    PlainCallback<void(const http::Request&, http::Response&)> initial_headers = {}, headers = {};
    std::string initial_packet = "";  // Engine.IO message that each client gets first.

    // ---- Socket.IO ------------------------------------------------------------------------------
    Parser parser = Parser::json;
    // For joining a namespace; at most 6 days; Node: 45 s.
    std::chrono::milliseconds connect_timeout{10'000};
    // Sessions of one address (IPv6: of one /64) on one worker that have joined no namespace yet.
    // At the limit, a new session ends the oldest such session. The same happens when such sessions
    // make up a quarter of the connection limit.
    uint32_t unjoined_per_address_max = 1'000;
    std::optional<Recovery> connection_state_recovery = std::nullopt;
    bool cleanup_empty_child_namespaces = false;
    // Names that clients may connect to, of namespaces that the application has: "/chat", or
    // "/room-*", where `*` stands for any text. Others get "Invalid namespace". Empty: all.
    std::vector<std::string> namespaces = {};
    std::vector<NamespaceLimits> namespace_limits = {};
    uint32_t max_attachments = 10;                  // Per packet.
    uint32_t namespaces_max = 100;                  // Per client.
    uint32_t pending_acks_max = 1'000;              // Acks awaited from one socket.
    std::chrono::milliseconds ack_timeout{10'000};  // The default; Node: no timeout.

    // ---- Login ----------------------------------------------------------------------------------
    // With keys or a user header set, a connecting client must be logged in: by `auth: {token}`, or
    // by the credentials that Authenticator::identify() reads from the request. Other clients get
    // the CONNECT_ERROR "unauthorized" with data {code}. The socket is disconnected when its token
    // expires.
    std::optional<auth::Options> auth = std::nullopt;
    bool auth_required = true;  // False: no token needed; a bad one is still refused.
};

}  // namespace starling::sio
