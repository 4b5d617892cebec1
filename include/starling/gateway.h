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
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::sio {
struct Options;  // Defined in <starling/socketio.h>.
}

namespace starling::gateway {

// The rules of Olares' WebSocket container, for applications that were written for that container.
// See docs/gateway.md, "Moving from Olares' container".
enum class Olares : uint8_t {
    off,
    on,
    // Like `on`, and a client's text that is no JSON object reaches the application in the form
    // that the container gives it.
    strict,
};

// The frames of a client that show that the client is alive.
enum class KeepAlive : uint8_t {
    messages,  // Only messages.
    any,       // Messages, and pings and pongs of the WebSocket protocol.
};

// How the gateway admits a client.
enum class Admission : uint8_t {
    notify,  // Admits every client; the webhook `open` tells the application.
    ask,     // The webhook `open` asks the application first: an answer of 2xx admits the client.
};

// The protocol that the clients of a route speak.
enum class Kind : uint8_t {
    websocket,
    socketio,  // Socket.IO, clients 1.4 to 4.x. A socket in a namespace is one client of the gateway.
};

// A path for clients, and the application behind it.
struct Route {
    Kind kind = Kind::websocket;
    // Kind::socketio: the path of Engine.IO, with or without a slash at its end. Clients of
    // Socket.IO use "/socket.io/"; "/ws", the default for WebSocket, is refused.
    std::string path = "/ws";
    // A host of the site (HostOptions::hosts) that has the path; "": all sites. Server::gateway()
    // throws std::invalid_argument for a host of no site: call serve_host() before.
    std::string site = {};
    // The application's URL, which gets the webhooks: http://HOST[:PORT]/PATH, https://..., or
    // unix:/SOCKET:/PATH. "": there are no webhooks.
    std::string application = {};
    // The header field that names the client's user. Only peers in `trusted_proxies` are believed;
    // the field of any other peer is ignored.
    std::string user_header = "X-Bfl-User";
    // Addresses, ranges ("10.0.0.0/8"), or "unix" for peers on a Unix-domain socket.
    std::vector<std::string> trusted_proxies = {"127.0.0.0/8", "::1", "unix"};
    // The cookie that holds the client's token. A client without this cookie gets a random token
    // and is public.
    std::string token_cookie = "auth_token";
    // Header fields of the client's request that every webhook carries, besides Cookie. Every
    // webhook also has X-Forwarded-For with the client's address, as Request::remote_address().
    std::vector<std::string> forward_headers = {};
    // Origins of other sites whose pages may connect, in the format of ws::Route::origins.
    std::vector<std::string> origins = {};

    // A client that sends nothing for this time is closed with code 4408; 0: never. Socket.IO has a
    // heartbeat of its own: for Kind::socketio neither this limit nor `keepalive` counts.
    std::chrono::milliseconds ping_timeout{45'000};
    KeepAlive keepalive = KeepAlive::messages;
    // Size of a client's message; beyond it, close code 1009. Kind::socketio: size of a packet with
    // its attachments.
    size_t message_bytes_max = 1'000'000;

    // A client whose queue of webhooks reaches either bound is not read until the queue is shorter.
    size_t queue_messages_max = 1'000;
    size_t queue_bytes_max = 1024 * 1024;

    Admission admission = Admission::notify;

    std::chrono::milliseconds connect_timeout{1'000};
    std::chrono::milliseconds webhook_timeout{2'000};  // Limit of one try, connecting included.
    std::chrono::milliseconds retry_for{30'000};  // Counted from a webhook's first try; 0: one try.
    std::chrono::milliseconds close_retry_for{600'000};
    // Webhooks that one worker sends to this application at the same time; others wait.
    unsigned webhooks_in_flight_max = 256;
    // Signs each webhook (Standard Webhooks): "whsec_" and base64, or the raw bytes. "": unsigned.
    std::string signing_key = {};
    // File of the authorities, PEM, one of which must have signed the application's certificate;
    // "": the system's authorities.
    std::string ca_path = {};
    // Kind::socketio: the options of its Socket.IO server. `path`, `max_http_buffer_size` and
    // `allow_request` are the route's in any case, and the route's `origins` are added.
    // Recovery is refused, since webhooks are not recovered. Null: clients 1.x and 2.x are served
    // too, and no bundles.
    std::shared_ptr<const sio::Options> socketio = nullptr;
};

// A wrong member of a route: its name in the configuration ("application", "signing_key"), and what
// it must be.
struct Fault {
    std::string member, what;
};
// Returns nothing if Server::gateway() accepts the route.
[[nodiscard]] std::optional<Fault> fault_of(const Route& route);

struct Options {
    std::vector<Route> routes = {Route{}};
    // Keys of the control API; several for rotation. An empty key is refused, since a request
    // without a key brings it. No keys: a random key is made, see Gateway::api_key(). With
    // Olares::on and no key here, programs on this machine need none.
    std::vector<std::string> api_keys = {};
    Olares olares = Olares::off;
    bool show_tokens = false;  // The list of connections shows the clients' tokens.
    size_t control_body_bytes_max = 1'000'000;
    // Bytes of waiting webhooks, over all connections. Beyond this limit new clients get 503.
    size_t queues_bytes_max = 256 * 1024 * 1024;
};

struct Stats {
    uint64_t connections_open = 0;
    uint64_t webhooks_delivered = 0;  // Webhooks answered with 2xx.
    uint64_t webhooks_retried = 0;    // Tries after a webhook's first try.
    uint64_t webhooks_given_up = 0;
    uint64_t closes_dropped = 0;  // Webhooks `close` beyond the 100,000 that may wait.
    uint64_t queued_bytes = 0;    // Size of the webhooks that wait now.
    uint64_t actions_done = 0;
    uint64_t actions_refused = 0;  // Malformed.
};

// Owner: the Server. Thread: any.
class Gateway {
public:
    virtual ~Gateway() = default;
    // A valid key of the control API: the first of Options::api_keys, or the random key. Show the
    // key only to an operator.
    [[nodiscard]] virtual const std::string& api_key() const noexcept = 0;
    [[nodiscard]] virtual Stats stats() const = 0;
    // Other Options::api_keys, while the server runs. Any thread. Throws std::invalid_argument for
    // no key, for an empty one, or if the options had none: a restart makes one, or goes without.
    virtual void change_keys(const std::vector<std::string>& keys) = 0;
    // Other Route::trusted_proxies of the route with this index in Options::routes, while the server
    // runs: the user header of the next requests is believed from them. Any thread. Throws
    // std::invalid_argument for what is no address, and std::out_of_range for no route.
    virtual void change_trusted_proxies(size_t route, const std::vector<std::string>& proxies) = 0;
};

}  // namespace starling::gateway
