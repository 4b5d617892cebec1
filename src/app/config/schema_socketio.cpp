// app/config/schema_socketio.cpp: the keys of Socket.IO.
#include "app/config/checks.h"
#include "app/config/schema.h"

#include <algorithm>

namespace starling::app {
namespace {

SocketIoSettings& last(Settings& settings) { return settings.socketio.back(); }
NamespaceSettings& limits(Settings& settings) { return settings.socketio_namespaces.back(); }

std::optional<std::string> check_namespace(std::string_view text) {
    constexpr size_t bytes_max = 255;
    if (text.starts_with('/') && text.size() <= bytes_max &&
        text.find_first_of("?,") == std::string_view::npos)
        return std::nullopt;
    return "must be a namespace like /chat or /room-*";
}

std::optional<std::string> check_transport(std::string_view text) {
    if (text == "polling" || text == "websocket") return std::nullopt;
    return "must be polling or websocket";
}

std::optional<std::string> check_cookie_name(std::string_view text) {
    if (text.empty()) return std::nullopt;
    return check_token(text);
}

// RFC 6265 section 4.1.1.
std::optional<std::string> check_cookie_attribute(std::string_view text) {
    const bool fits =
        std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != ';'; });
    if (fits) return std::nullopt;
    return "must be of ASCII, without a semicolon";
}

constexpr Row rows[] = {
    {.key = "socketio[].path",
     .slot = [](Settings& s) -> Slot { return &last(s).options.path; },
     .check = check_route_path,
     .help = "path of Engine.IO, with or without a slash at its end; clients use `/socket.io/` "
             "unless they are told otherwise"},
    {.key = "socketio[].kind",
     .slot = [](Settings& s) -> Slot { return &last(s).kind; },
     .help = "what is behind it: see below"},
    {.key = "socketio[].namespaces",
     .slot = [](Settings& s) -> Slot { return &last(s).options.namespaces; },
     .check = check_namespace,
     .help = "namespaces that exist: `/`, `/chat`; for the kinds `broadcast` and `gateway` "
             "also `/room-*`, where `*` is any text"},
    {.key = "socketio[].transports",
     .slot = [](Settings& s) -> Slot { return &last(s).transports; },
     .check = check_transport,
     .help = "`polling`, `websocket` or both"},
    {.key = "socketio[].allow_upgrades",
     .slot = [](Settings& s) -> Slot { return &last(s).options.allow_upgrades; },
     .help = "let a client go from polling to WebSocket"},
    {.key = "socketio[].allow_eio3",
     .slot = [](Settings& s) -> Slot { return &last(s).options.allow_eio3; },
     .help = "serve clients 1.x and 2.x as well"},
    {.key = "socketio[].parser",
     .slot = [](Settings& s) -> Slot { return &last(s).options.parser; },
     .help = "`msgpack`: npm socket.io-msgpack-parser, on both sides"},
    {.key = "socketio[].serve_client",
     .slot = [](Settings& s) -> Slot { return &last(s).options.serve_client; },
     .help = "serve the browser bundles: `/socket.io/socket.io.js` and its siblings"},
    {.key = "socketio[].client_dir",
     .slot = [](Settings& s) -> Slot { return &last(s).options.client_dir; },
     .path = true,
     .help = "folder of these bundles; empty: those that come with the program"},
    {.key = "socketio[].cookie",
     .slot = [](Settings& s) -> Slot { return &last(s).cookie; },
     .check = check_cookie_name,
     .help = "name of a cookie with the session's id; empty: no cookie"},
    {.key = "socketio[].cookie_options.path",
     .slot = [](Settings& s) -> Slot { return &last(s).cookie_options.path; },
     .check = check_cookie_attribute,
     .help = "paths that the browser sends the cookie to"},
    {.key = "socketio[].cookie_options.domain",
     .slot = [](Settings& s) -> Slot { return &last(s).cookie_options.domain; },
     .check = check_cookie_attribute,
     .help = "hosts that it is sent to; empty: this host alone"},
    {.key = "socketio[].cookie_options.max_age_s",
     .slot = [](Settings& s) -> Slot { return &last(s).cookie_max_age_s; },
     .max = 365 * day_ms / 1000,
     .help = "how long the browser keeps it; 0: until it is closed"},
    {.key = "socketio[].cookie_options.http_only",
     .slot = [](Settings& s) -> Slot { return &last(s).cookie_options.http_only; },
     .help = "scripts of the page do not see it"},
    {.key = "socketio[].cookie_options.same_site",
     .slot = [](Settings& s) -> Slot { return &last(s).cookie_options.same_site; },
     .help = "whether requests of other sites' pages carry it"},
    {.key = "socketio[].cookie_options.secure",
     .slot = [](Settings& s) -> Slot { return &last(s).cookie_options.secure; },
     .help = "it is sent over TLS alone; with `same_site: none` always"},
    {.key = "socketio[].subprotocols",
     .slot = [](Settings& s) -> Slot { return &last(s).options.subprotocols; },
     .check = check_token,
     .help = "accepted WebSocket subprotocols, the preferred one first; empty: the first one that "
             "the client offers"},
    {.key = "socketio[].initial_packet",
     .slot = [](Settings& s) -> Slot { return &last(s).options.initial_packet; },
     .help = "message of Engine.IO that each client gets first; empty: none"},
    {.key = "socketio[].cleanup_empty_child_namespaces",
     .slot = [](Settings& s) -> Slot { return &last(s).options.cleanup_empty_child_namespaces; },
     .help = "a namespace of a pattern is removed with its last client"},
    {.key = "socketio[].origins",
     .slot = [](Settings& s) -> Slot { return &last(s).options.origins; },
     .check = check_ws_origin,
     .help = "further origins for this path, by both transports: see below"},
    {.key = "socketio[].cors.origins",
     .slot = [](Settings& s) -> Slot { return &last(s).cors.origins; },
     .check = check_cors_origin,
     .help = "origins whose pages may poll, in place of `origins`, with the rules below; they "
             "may connect by WebSocket too"},
    {.key = "socketio[].cors.methods",
     .slot = [](Settings& s) -> Slot { return &last(s).cors.methods; },
     .check = check_token,
     .help = "methods that such pages may use"},
    {.key = "socketio[].cors.headers",
     .slot = [](Settings& s) -> Slot { return &last(s).cors.headers; },
     .check = check_token,
     .help = "request fields that such pages may set"},
    {.key = "socketio[].cors.expose",
     .slot = [](Settings& s) -> Slot { return &last(s).cors.expose; },
     .check = check_token,
     .help = "response fields that such pages may read"},
    {.key = "socketio[].cors.credentials",
     .slot = [](Settings& s) -> Slot { return &last(s).cors.credentials; },
     .help = "allow cookies; not together with `*`"},
    {.key = "socketio[].cors.max_age_s",
     .slot = [](Settings& s) -> Slot { return &last(s).cors.max_age_s; },
     .min = 0,
     .max = day_ms / 1000,
     .help = "how long a browser may remember the answer"},
    {.key = "socketio[].ping_interval_s",
     .slot = [](Settings& s) -> Slot { return &last(s).options.ping_interval; },
     .min = tenth_ms,
     .max = day_ms,
     .help = "time between two pings"},
    {.key = "socketio[].ping_timeout_s",
     .slot = [](Settings& s) -> Slot { return &last(s).options.ping_timeout; },
     .min = tenth_ms,
     .max = day_ms,
     .help = "silence after a ping that ends the connection"},
    {.key = "socketio[].upgrade_timeout_s",
     .slot = [](Settings& s) -> Slot { return &last(s).options.upgrade_timeout; },
     .min = tenth_ms,
     .max = hour_ms,
     .help = "limit for an upgrade to WebSocket"},
    {.key = "socketio[].connect_timeout_s",
     .slot = [](Settings& s) -> Slot { return &last(s).options.connect_timeout; },
     .min = tenth_ms,
     .max = hour_ms,
     .help = "limit for joining a namespace"},
    {.key = "socketio[].message_bytes_max",
     .slot = [](Settings& s) -> Slot { return &last(s).options.max_http_buffer_size; },
     .min = 1,
     .max = gibi,
     .help = "size of a message, of a POST, and of a packet with its attachments; more: the "
             "connection ends"},
    {.key = "socketio[].send_queue_bytes_max",
     .slot = [](Settings& s) -> Slot { return &last(s).options.send_queue_bytes_max; },
     .min = kibi,
     .max = gibi,
     .help = "bytes that wait for one client; more: the connection ends"},
    {.key = "socketio[].attachments_max",
     .slot = [](Settings& s) -> Slot { return &last(s).options.max_attachments; },
     .min = 0,
     .max = mebi,
     .help = "attachments of a packet"},
    {.key = "socketio[].namespaces_max",
     .slot = [](Settings& s) -> Slot { return &last(s).options.namespaces_max; },
     .min = 1,
     .max = mebi,
     .help = "namespaces of a client"},
    {.key = "socketio[].rooms_max",
     .slot = [](Settings& s) -> Slot { return &last(s).rooms_max; },
     .min = 1,
     .max = mebi,
     .help = "channels of a client in a namespace, for the kind `channels`"},
    {.key = "socketio[].unjoined_per_address_max",
     .slot = [](Settings& s) -> Slot { return &last(s).options.unjoined_per_address_max; },
     .min = 1,
     .max = 16 * mebi,
     .help = "clients of an address that have joined no namespace yet, on one worker; more: "
             "the oldest ends"},
    {.key = "socketio[].compression.enabled",
     .slot = [](Settings& s) -> Slot { return &last(s).options.per_message_deflate.enabled; },
     .help = "permessage-deflate (RFC 7692) for clients that offer it"},
    {.key = "socketio[].compression.threshold_bytes",
     .slot = [](Settings& s) -> Slot {
         return &last(s).options.per_message_deflate.threshold_bytes;
     },
     .min = 0,
     .max = gibi,
     .help = "messages below this size are not compressed"},
    {.key = "socketio[].compression.context_takeover",
     .slot = [](Settings& s) -> Slot {
         return &last(s).options.per_message_deflate.context_takeover;
     },
     .help = "keep the window between messages: smaller messages, about 300 KB per connection"},
    {.key = "socketio[].compression.window_bits",
     .slot = [](Settings& s) -> Slot { return &last(s).options.per_message_deflate.window_bits; },
     .min = 9,
     .max = 15,
     .help = "window of the server's compressor"},
    {.key = "socketio[].compression.level",
     .slot = [](Settings& s) -> Slot { return &last(s).options.per_message_deflate.level; },
     .min = 1,
     .max = 9,
     .help = "effort of the compressor; 1: fast, 9: small"},
    {.key = "socketio[].http_compression.enabled",
     .slot = [](Settings& s) -> Slot { return &last(s).options.http_compression.enabled; },
     .help = "compress answers to polling"},
    {.key = "socketio[].http_compression.threshold_bytes",
     .slot = [](Settings& s) -> Slot { return &last(s).options.http_compression.threshold_bytes; },
     .min = 0,
     .max = gibi,
     .help = "answers below this size are not compressed"},
    {.key = "socketio[].connection_state_recovery.enabled",
     .slot = [](Settings& s) -> Slot { return &last(s).recovers; },
     .help = "a client that comes back in time gets its id, its rooms and what it missed"},
    {.key = "socketio[].connection_state_recovery.max_disconnection_s",
     .slot = [](Settings& s) -> Slot { return &last(s).recovery.max_disconnection_duration; },
     .min = tenth_ms,
     .max = day_ms,
     .help = "that time"},
    {.key = "socketio[].connection_state_recovery.packets_max",
     .slot = [](Settings& s) -> Slot { return &last(s).recovery.packets_max; },
     .min = 1,
     .max = gibi,
     .help = "newest packets that are kept for clients that are away"},
    {.key = "socketio[].connection_state_recovery.bytes_max",
     .slot = [](Settings& s) -> Slot { return &last(s).recovery.bytes_max; },
     .min = kibi,
     .max = 1024 * gibi,
     .help = "their size"},
    {.key = "socketio[].connection_state_recovery.sessions_max",
     .slot = [](Settings& s) -> Slot { return &last(s).recovery.sessions_max; },
     .min = 1,
     .max = gibi,
     .help = "clients that are away at one time"},
    {.key = "socketio[].site",
     .slot = [](Settings& s) -> Slot { return &last(s).site; },
     .help = "a host of the site that has this server; empty: all sites; see [sites](sites.md)"},
    {.key = "socketio_namespaces[].name",
     .slot = [](Settings& s) -> Slot { return &limits(s).limits.name; },
     .check = check_namespace,
     .required = true,
     .help = "the limits below are for namespaces with this name: `/chat`, or `/room-*`; of "
             "several elements that match, the first one counts"},
    {.key = "socketio_namespaces[].path",
     .slot = [](Settings& s) -> Slot { return &limits(s).path; },
     .check = check_route_path,
     .help = "`path` of the element of `socketio` that has them"},
    {.key = "socketio_namespaces[].site",
     .slot = [](Settings& s) -> Slot { return &limits(s).site; },
     .help = "`site` of that element"},
    {.key = "socketio_namespaces[].connections_max",
     .slot = [](Settings& s) -> Slot { return &limits(s).limits.connections_max; },
     .min = 0,
     .max = 100 * mebi,
     .help = "clients, over all workers; of a pattern, those of all its namespaces together; "
             "more: `connect_error`; 0: no limit"},
    {.key = "socketio_namespaces[].messages.per_second",
     .slot = [](Settings& s) -> Slot { return &limits(s).limits.messages.per_second; },
     .min = 0,
     .max = gibi,
     .help = "events and acks of a client; more: it is disconnected; 0: no limit"},
    {.key = "socketio_namespaces[].messages.burst",
     .slot = [](Settings& s) -> Slot { return &limits(s).limits.messages.burst; },
     .min = 0,
     .max = gibi,
     .help = "as many at once after a rest; 0: as many as in a second"},
    {.key = "socketio_namespaces[].message_bytes_max",
     .slot = [](Settings& s) -> Slot { return &limits(s).limits.message_bytes_max; },
     .min = 0,
     .max = gibi,
     .help = "size of such an event with its attachments; more: the client is disconnected; 0: "
             "no limit"},
    {.key = "socketio_namespaces[].rooms_max",
     .slot = [](Settings& s) -> Slot { return &limits(s).limits.rooms_max; },
     .min = 0,
     .max = mebi,
     .help = "rooms or channels of a client; more: 429 to `subscribe`, and a join does "
             "nothing; 0: no limit"},
    {.key = "socketio[].auth",
     .slot = [](Settings& s) -> Slot { return &last(s).login; },
     .help = "`required`: a client must bring a token of `auth.keys` or the user of "
             "`auth.user_header`; `optional`: it may, and a bad token is refused; `none`: "
             "nobody asks"},
};

}  // namespace

std::span<const Row> socketio_rows() noexcept { return rows; }

}  // namespace starling::app
