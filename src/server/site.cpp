#include "server/site.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/text.h"
#include "server/body_route.h"
#include "server/host_sites.h"
#include "server/ws_route_handler.h"

namespace starling::server {
namespace {

ws::HeartbeatOptions heartbeat_of(const ws::Route& route) {
    return {.interval_ms = static_cast<uint32_t>(route.ping_interval.count()),
            .timeout_ms = static_cast<uint32_t>(route.ping_timeout.count())};
}

ws::DeflateOptions deflate_of(const ws::Compression& compression) {
    if (compression.window_bits < 9 || compression.window_bits > 15)
        throw std::invalid_argument("Compression::window_bits must be 9 to 15");
    if (compression.level < 1 || compression.level > 9)
        throw std::invalid_argument("Compression::level must be 1 to 9");
    return {.enabled = compression.enabled,
            .allow_server_context_takeover = compression.context_takeover,
            .allow_client_context_takeover = compression.context_takeover,
            .server_max_window_bits = static_cast<uint8_t>(compression.window_bits)};
}

std::unique_ptr<const ws::OriginPolicy> origins_of(std::vector<std::string> allowed) {
    for (const auto& origin : allowed)
        if (!ws::origin_pattern_is_valid(origin))
            throw std::invalid_argument("not an origin: '" + origin + "'");
    return std::make_unique<const ws::OriginPolicy>(
        ws::OriginPolicy{.allowed = std::move(allowed)});
}

// A path that switches to WebSocket, and answers other requests with a page or 426.
class WebSocketRoute final : public Route {
public:
    WebSocketRoute(size_t index, http::Handler page) : index_(index), page_(std::move(page)) {}
    [[nodiscard]] std::optional<size_t> websocket() const noexcept override { return index_; }
    void answer(HttpConnection&, const http::Request& request, http::Response& response) override {
        if (page_) return page_(request, response);
        response.status(426)
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .text("This is a WebSocket endpoint.\n");
    }

private:
    const size_t index_;
    const http::Handler page_;
};

}  // namespace

WebSocketEndpoint::WebSocketEndpoint(ws::Route r) : WebSocketEndpoint(std::move(r), nullptr) {}

WebSocketEndpoint::WebSocketEndpoint(ws::Route r, std::unique_ptr<const WsHandler> own)
    : route(std::move(r)),
      receiver_limits{route.message_bytes_max, route.fragments_max},
      heartbeat(heartbeat_of(route)),
      origins(origins_of(route.origins)),
      deflate(deflate_of(route.compression)),
      handler(own ? std::move(own) : std::make_unique<WsRouteHandler>(route)) {}

void WebSocketEndpoint::change_origins(std::vector<std::string> allowed) {
    origins.replace(origins_of(std::move(allowed)));
}

HttpRules::HttpRules(const HttpLimits& from, uint64_t route_body_bytes_max)
    : limits(from),
      parser{.head_bytes_max = from.head_bytes_max,
             .fields_max = from.fields_max,
             .target_bytes_max = from.target_bytes_max,
             .body_bytes_max = std::max(from.body_bytes_max, route_body_bytes_max)} {}

Site::Site(ServerOptions server_options)
    : options(std::move(server_options)),
      http_rules(std::in_place, options.http, uint64_t{0}),
      ending(std::in_place, Ending{options.drain, options.drain_timeout}) {
    control_apart = std::ranges::any_of(options.listen, [](const Listen& listen) {
        return listen.serves == Listen::Serves::control;
    });
    masked_queries = options.access_log_masked;
}

void Site::add(std::string_view method, std::string_view pattern, std::unique_ptr<Route> route) {
    const auto index = static_cast<int>(routes.size());
    if (adding_to)
        adding_to->router.add(method, pattern, index);  // finish_hosts() builds it anew.
    else
        router.add(method, pattern, index);
    added.push_back({std::string(method), std::string(pattern), index, adding_to});
    const uint64_t own_bytes_max = route->body_bytes_max_.value_or(0);
    if (own_bytes_max > route_body_bytes_max) {
        route_body_bytes_max = own_bytes_max;
        change_http(options.http);
    }
    answers_while_stopping |= route->answers_while_stopping();
    routes.push_back(std::move(route));
}

void Site::add_handler(std::string_view method, std::string_view pattern, http::Handler handler) {
    add(method, pattern, std::make_unique<HandlerRoute>(std::move(handler)));
}

void Site::add_route(std::string_view method, std::string_view pattern, http::Route route) {
    if (!route.handler == !route.body)
        throw std::invalid_argument("a route has either a handler or a body");
    if (route.body)
        add(method, pattern, std::make_unique<BodyRoute>(std::move(route)));
    else
        add(method, pattern, std::make_unique<HandlerRoute>(std::move(route)));
}

size_t Site::add_endpoint(std::unique_ptr<WebSocketEndpoint> endpoint) {
    websockets.push_back(std::move(endpoint));
    return websockets.size() - 1;
}

size_t Site::add_websocket(std::string_view pattern, ws::Route route) {
    http::Handler page = route.page;
    return add_websocket(pattern, std::make_unique<WebSocketEndpoint>(std::move(route)),
                         std::move(page));
}

size_t Site::add_websocket(std::string_view pattern, std::unique_ptr<WebSocketEndpoint> endpoint,
                           http::Handler page) {
    endpoint->pattern = pattern;
    endpoint->host = adding_to;
    const size_t index = add_endpoint(std::move(endpoint));
    add("GET", pattern, std::make_unique<WebSocketRoute>(index, std::move(page)));
    return index;
}

bool Site::change_origins(const HostEntry* host, std::string_view pattern,
                          std::vector<std::string> origins) const {
    const auto found = std::ranges::find_if(websockets, [&](const auto& one) {
        return !one->pattern.empty() && one->pattern == pattern && one->host == host;
    });
    if (found == websockets.end()) return false;
    (*found)->change_origins(std::move(origins));
    return true;
}

void Site::change_http(const HttpLimits& limits) {
    http_rules.replace(std::make_unique<const HttpRules>(limits, route_body_bytes_max));
}

void Site::mask_query(std::string_view name) {
    if (!name.empty()) masked_queries.emplace_back(name);
}

void Site::add_default_header(std::string_view name, std::string_view value) {
    const std::string line(http::Response().header(name, value).field_lines());
    default_headers.push_back({std::string(name), std::string(value)});
    // An error answer sets these fields itself.
    if (!base::iequals(name, "content-type") && !base::iequals(name, "x-content-type-options"))
        error_field_lines += line;
}

}  // namespace starling::server
