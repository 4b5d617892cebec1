// server/site.h: what a server serves: routes, handlers, options. Built before the workers start and
// read-only from then on, so that all workers share it without a lock.
//
// Owner: Server. Lives longer than every worker.
#pragma once

#include <starling/server.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/parser.h"
#include "http/router.h"
#include "ws/extensions.h"
#include "ws/heartbeat.h"
#include "ws/origin.h"
#include "ws/receiver.h"

namespace starling::server {

class Connection;
class HttpConnection;
class Worker;
class WsHandler;

// Decides, in place of ws::Route::upgrade, and gives what is above the socket in place of the
// handlers. Null refuses: with the response, closed after it. Else its fields go out with the 101.
using WsAdmission =
    std::function<std::unique_ptr<WsHandler>(Worker&, const http::Request&, http::Response&)>;

// A ws::Route, and what the protocol cores want of it in their own terms.
struct WebSocketRoute {
    explicit WebSocketRoute(ws::Route route);

    const ws::Route route;
    const ws::ReceiverLimits receiver_limits;
    const ws::HeartbeatOptions heartbeat;
    const ws::OriginPolicy origins;
    const ws::DeflateOptions deflate;
    WsAdmission admission = {};
};

// Answers like a handler, or gives what takes the stream over once the response's head is sent: the
// body then ends with the connection.
using TakeOver =
    std::function<std::unique_ptr<Connection>(Worker&, const http::Request&, http::Response&)>;

// What a route inside the library can do beyond a handler, knowing the connection: it may watch() it,
// and answer a promise by promised() and end_later().
struct Exchange {
    std::function<void(HttpConnection&, const http::Request&, http::Response&)> answer = {};
    // At the head of a request with a body. False: the response is the answer, the body is not read.
    std::function<bool(HttpConnection&, const http::Request&, http::Response&)> begin = {};
    uint64_t body_bytes_max = 0;
};

// One of the first three; an exchange and a WebSocket may share a path.
struct SiteRoute {
    http::Handler handler;
    std::optional<size_t> websocket;  // Index in Site::websockets.
    TakeOver take_over = {};
    // Asked at the head of each request: the index of the worker that the request belongs to, which
    // gets it with its connection; nothing: it stays where it is.
    std::function<std::optional<uint32_t>(const http::Request&)> owner = {};
    std::optional<Exchange> exchange = {};
};

struct DefaultHeader {
    std::string name, value;
};

struct Site {
    explicit Site(const ServerOptions& server_options);

    void add(std::string_view method, std::string_view pattern, SiteRoute route);
    void add_handler(std::string_view method, std::string_view pattern, http::Handler handler);
    // The index of the route among `websockets`.
    size_t add_websocket(std::string_view pattern, ws::Route route);
    void add_default_header(std::string_view name, std::string_view value);

    ServerOptions options;
    http::ParserLimits parser_limits;
    http::Router router;
    std::vector<SiteRoute> routes;
    std::vector<std::unique_ptr<WebSocketRoute>> websockets;
    std::optional<http::CorsOptions> cors;
    std::vector<DefaultHeader> default_headers;
    std::string error_field_lines;  // The same, for answers that the protocol makes by itself.
};

}  // namespace starling::server
