// <starling/gateway.h>: WebSocket and Socket.IO for an application that speaks HTTP alone.
//
//     auto& gateway = server.gateway({.routes = {{.application = "http://127.0.0.1:3010/websocket/message"}}});
//
// Clients open a WebSocket at a route's path, or connect to it by Socket.IO. The gateway POSTs what
// they do (open, message, close) to the route's application, in order for each client, and the
// application answers by actions in its HTTP answers or by the control API under /tapr/ws. See
// docs/gateway.md and docs/gateway-socketio.md.
#pragma once

#include <starling/websocket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::gateway {

// The rules of the Olares WebSocket container, for applications that were written for it. See
// docs/gateway.md, "Moving from Olares' container".
enum class Olares : uint8_t {
    off,
    on,
    strict,  // As `on`; text that is no JSON object reaches the application as the container sends it.
};

// Which of a client's frames show that the client is alive.
enum class KeepAlive : uint8_t {
    messages,  // Messages alone.
    any,       // Protocol pings and pongs as well.
};

// How clients are let in.
enum class Admission : uint8_t {
    notify,  // Every client is, and the application gets the webhook `open`.
    ask,  // The webhook `open` comes before the client is answered: an answer of 2xx lets the client in.
};

// What the clients of a route speak.
enum class Kind : uint8_t {
    websocket,
    socketio,  // Socket.IO, clients 1.4 to 4.x. A socket in a namespace is one client of the gateway.
};

// A path for clients, and the application behind it.
struct Route {
    Kind kind = Kind::websocket;
    // Kind::socketio: the path of Engine.IO, with or without a slash at its end. Clients of Socket.IO
    // use "/socket.io/"; "/ws", the default for WebSocket, is refused.
    std::string path = "/ws";
    // Gets the webhooks: http://HOST[:PORT]/PATH, https://..., or unix:/SOCKET:/PATH. "": nobody does.
    std::string application = {};
    // Names the client's user; believed from `trusted_proxies` alone. Others' are ignored.
    std::string user_header = "X-Bfl-User";
    // Addresses, ranges ("10.0.0.0/8"), or "unix" for peers on a Unix-domain socket.
    std::vector<std::string> trusted_proxies = {"127.0.0.0/8", "::1", "unix"};
    // Holds the client's token. A client without this cookie gets a random token and is public.
    std::string token_cookie = "auth_token";
    // Header fields of the client's request that every webhook carries, besides Cookie.
    std::vector<std::string> forward_headers = {};
    // Pages of other sites that may connect, as ws::Route::origins.
    std::vector<std::string> origins = {};

    // A client that sends nothing for so long is closed with code 4408; 0: never. Socket.IO has a
    // heartbeat of its own: for Kind::socketio neither this nor `keepalive` counts.
    std::chrono::milliseconds ping_timeout{45'000};
    KeepAlive keepalive = KeepAlive::messages;
    // Of a client; more: close code 1009. Kind::socketio: of a packet with its attachments.
    size_t message_bytes_max = 1'000'000;

    // A client whose queue of webhooks reaches either bound is not read until the queue is shorter.
    size_t queue_messages_max = 1'000;
    size_t queue_bytes_max = 1024 * 1024;

    Admission admission = Admission::notify;

    std::chrono::milliseconds connect_timeout{1'000};
    std::chrono::milliseconds webhook_timeout{2'000};  // For one try, connecting included.
    std::chrono::milliseconds retry_for{30'000};       // From a webhook's first try; 0: one try.
    std::chrono::milliseconds close_retry_for{600'000};
    // Webhooks under way to this application from one worker; others wait.
    unsigned webhooks_in_flight_max = 256;
    // Signs each webhook (Standard Webhooks): "whsec_" and base64, or the raw bytes. "": unsigned.
    std::string signing_key = {};
    // Certificates that the application's must be signed by, PEM; "": the system's.
    std::string ca_path = {};
};

// What is wrong with a route: the member's name as in the configuration ("application", "signing_key"),
// and what it must be.
struct Fault {
    std::string member, what;
};
// Nothing: Server::gateway() takes the route.
[[nodiscard]] std::optional<Fault> fault_of(const Route& route);

struct Options {
    std::vector<Route> routes = {Route{}};
    // Keys of the control API; several for rotation. Empty: a random key is made, see
    // Gateway::api_key(). With Olares::on and no key here, programs on this machine need none.
    std::vector<std::string> api_keys = {};
    Olares olares = Olares::off;
    bool show_tokens = false;  // In the list of connections.
    size_t control_body_bytes_max = 1'000'000;
    // Bytes of webhooks that wait, over all connections. Beyond it new clients get 503.
    size_t queues_bytes_max = 256 * 1024 * 1024;
};

struct Stats {
    uint64_t connections_open = 0;
    uint64_t webhooks_delivered = 0;  // Answered with 2xx.
    uint64_t webhooks_retried = 0;    // Tries after the first.
    uint64_t webhooks_given_up = 0;
    uint64_t closes_dropped = 0;  // `close` webhooks beyond the 100,000 that may wait.
    uint64_t queued_bytes = 0;    // Of webhooks that wait now.
    uint64_t actions_done = 0;
    uint64_t actions_refused = 0;  // Malformed.
};

// Owner: the Server. Thread: any.
class Gateway {
public:
    virtual ~Gateway() = default;
    // A key that the control API takes: the first of Options::api_keys, or the random one. Show it only
    // to an operator.
    [[nodiscard]] virtual const std::string& api_key() const noexcept = 0;
    [[nodiscard]] virtual Stats stats() const = 0;
};

}  // namespace starling::gateway
