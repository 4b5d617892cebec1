// server/site.h: what a server serves: routes, handlers, options. Built before the workers start
// and read-only from then on, so all workers share it without a lock.
//
// Owner: Server. Lives longer than every worker.
#pragma once

#include <starling/server.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/replaceable.h"
#include "http/parser.h"
#include "http/router.h"
#include "server/middleware.h"
#include "server/route.h"
#include "server/ws_handler.h"
#include "ws/extensions.h"
#include "ws/heartbeat.h"
#include "ws/origin.h"
#include "ws/receiver.h"

namespace starling::server {

class Worker;
class HostSites;
struct HostEntry;

// A ws::Route whose limits and options are translated for the protocol cores, and the handler of
// its connections.
struct WebSocketEndpoint {
    explicit WebSocketEndpoint(ws::Route route);  // The handlers of `route` are called.
    // `handler` is called instead of the handlers of `route`.
    WebSocketEndpoint(ws::Route route, std::unique_ptr<const WsHandler> handler);

    // Throws std::invalid_argument for an origin that is none.
    void change_origins(std::vector<std::string> allowed);

    const ws::Route route;
    const ws::ReceiverLimits receiver_limits;
    const ws::HeartbeatOptions heartbeat;
    base::Replaceable<const ws::OriginPolicy> origins;
    const ws::DeflateOptions deflate;
    const std::unique_ptr<const WsHandler> handler;  // May refer to `route`.
    std::string pattern;                             // Its path; "": it has none of its own.
    bool echo_subprotocol = false;  // If the route lists no subprotocols, the first offer is taken.
    const HostEntry* host = nullptr;  // The site that has the path; null: all sites.
};

struct DefaultHeader {
    std::string name, value;
};

// The limits of requests, also for the parser, whose limit of bodies is the largest of all routes.
struct HttpRules {
    HttpRules(const HttpLimits& from, uint64_t route_body_bytes_max);
    const HttpLimits limits;
    const http::ParserLimits parser;
};

// How the server ends.
struct Ending {
    Drain drain;
    std::chrono::milliseconds timeout;
};

struct Site {
    explicit Site(ServerOptions server_options);

    // Throws std::invalid_argument for a second route with the same method and shape.
    void add(std::string_view method, std::string_view pattern, std::unique_ptr<Route> route);
    void add_handler(std::string_view method, std::string_view pattern, http::Handler handler);
    // Throws std::invalid_argument unless `options` has exactly one of a handler and a body.
    void add_route(std::string_view method, std::string_view pattern, http::Route options);
    // Returns the index in `websockets`.
    size_t add_websocket(std::string_view pattern, ws::Route route);
    size_t add_websocket(std::string_view pattern, std::unique_ptr<WebSocketEndpoint> endpoint,
                         http::Handler page = {});
    // Adds an endpoint that has no path of its own. Returns the index in `websockets`, which a route
    // of another kind keeps.
    size_t add_endpoint(std::unique_ptr<WebSocketEndpoint> endpoint);
    // The WebSocket path `pattern` of the site `host`; null: of all sites. False: there is none. Throws
    // std::invalid_argument for an origin that is none. Any thread.
    [[nodiscard]] bool change_origins(const HostEntry* host, std::string_view pattern,
                                      std::vector<std::string> origins) const;
    void change_http(const HttpLimits& limits);  // Any thread.
    // The access log hides the value of this query parameter.
    void mask_query(std::string_view name);
    void add_default_header(std::string_view name, std::string_view value);
    void remove_header(std::string_view name);
    // The sites, made at the first call.
    [[nodiscard]] HostSites& make_hosts();
    // Of the options, or of a site of `hosts`.
    [[nodiscard]] bool has_certificates() const noexcept;
    // Builds the routers of `hosts`. Before the workers run.
    void finish_hosts();

    ServerOptions options;
    base::Replaceable<const HttpRules> http_rules;
    base::Replaceable<const Ending> ending;
    http::Router router;
    // What add() has added, in order; for the routers of `hosts`.
    struct Added {
        std::string method, pattern;
        int route;
        HostEntry* host;  // Null: every host.
    };
    std::vector<Added> added;
    std::vector<std::unique_ptr<Route>> routes;
    uint64_t route_body_bytes_max = 0;  // The largest one that a route has for itself.
    std::vector<std::unique_ptr<WebSocketEndpoint>> websockets;
    MiddlewareList middleware;
    std::optional<http::CorsOptions> cors;
    [[nodiscard]] const http::CorsOptions* shared_cors() const noexcept {
        return cors ? &*cors : nullptr;
    }
    std::vector<DefaultHeader> default_headers;
    // A path without a route is looked up again in lower case and without a slash at its end.
    bool lenient_paths = false;
    // The sites by host name; null: one site for all hosts.
    std::shared_ptr<HostSites> hosts;
    HostEntry* adding_to = nullptr;            // add() adds to this site; null: to all.
    std::vector<std::string> removed_headers;  // Of every answer.
    bool control_apart = false;           // An address is reserved for routes with is_control().
    bool answers_while_stopping = false;  // A route has answers_while_stopping().
    std::vector<std::string> masked_queries;  // Query parameters for http::mask_query().
    std::string error_field_lines;            // The default headers, for errors of the protocol.
};

}  // namespace starling::server
