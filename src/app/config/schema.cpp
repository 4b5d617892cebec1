#include "app/config/schema.h"

#include "app/config/checks.h"

#include <algorithm>

namespace starling::app {
namespace {

constexpr int64_t day_s = 24 * 3600;

constexpr Row core_rows[] = {
    {.key = "listen[].address",
     .slot = [](Settings& s) -> Slot { return &s.server.listen.back().address; },
     .check = check_address,
     .required = true,
     .help = "`127.0.0.1:8080`, `[::1]:8080`, `:8080` (every IPv4 address), `[::]:8080` (every "
             "IPv6 address) or `unix:/run/starling.sock`"},
    {.key = "listen[].tls",
     .slot = [](Settings& s) -> Slot { return &s.server.listen.back().tls; },
     .help = "TLS on this address; `auto`: on if there are certificates"},
    {.key = "listen[].mode",
     .slot = [](Settings& s) -> Slot { return &s.server.listen.back().mode; },
     .max = 0777,
     .octal = true,
     .help = "permissions of a Unix-domain socket's file, as `0660`; 0: what the umask leaves"},
    {.key = "listen[].owner",
     .slot = [](Settings& s) -> Slot { return &s.server.listen.back().owner; },
     .help = "owner of that file, a name or a number; empty: the user who starts the program"},
    {.key = "listen[].group",
     .slot = [](Settings& s) -> Slot { return &s.server.listen.back().group; },
     .help = "group of that file, a name or a number; empty: that user's"},
    {.key = "workers",
     .slot = [](Settings& s) -> Slot { return &s.server.workers; },
     .min = 0,
     .max = 1024,
     .help = "threads; 0: one per core"},
    {.key = "root",
     .slot = [](Settings& s) -> Slot { return &s.root; },
     .path = true,
     .help = "folder of static files, served at `/`; empty: none"},
    {.key = "connections_max",
     .slot = [](Settings& s) -> Slot { return &s.server.connections_max; },
     .min = 0,
     .max = 16 * mebi,
     .help = "open connections; 0: the descriptor limit minus 256"},
    {.key = "access_log",
     .slot = [](Settings& s) -> Slot { return &s.server.access_log; },
     .help = "write a log line for each HTTP request, at level info"},
    {.key = "access_log_masked",
     .slot = [](Settings& s) -> Slot { return &s.server.access_log_masked; },
     .help = "query parameters whose values those lines show as `***`; `sid` and "
             "`auth.query_parameter` always are"},
    {.key = "origins",
     .slot = [](Settings& s) -> Slot { return &s.origins; },
     .check = check_ws_origin,
     .help =
         "pages of other sites that may connect to every WebSocket path, to server events and to "
         "Socket.IO: see below"},
    {.key = "drain_timeout_s",
     .slot = [](Settings& s) -> Slot { return &s.server.drain_timeout; },
     .min = 0,
     .max = day_ms,
     .help = "how long a stop waits for connections to end"},
    {.key = "stalled_timeout_s",
     .slot = [](Settings& s) -> Slot { return &s.server.stalled_timeout; },
     .min = tenth_ms,
     .max = hour_ms,
     .help = "a client that acknowledges none of its queued bytes for this time is reset"},
    {.key = "demo",
     .slot = [](Settings& s) -> Slot { return &s.demo; },
     .help = "serve the demo: home page, `/echo`, `/chat`, `/socketio` and `/community` with their "
             "pages"},
    {.key = "demo_data",
     .slot = [](Settings& s) -> Slot { return &s.demo_data; },
     .path = true,
     .help = "SQLite file of the demo's community; empty: `starling/demo.sqlite` under "
             "`$XDG_STATE_HOME`; `:memory:`: none"},

    {.key = "tls.certificates[].cert",
     .slot = [](Settings& s) -> Slot {
         return &s.server.certificates.back().certificate_chain_path;
     },
     .path = true,
     .required = true,
     .help = "certificate chain, PEM, leaf first"},
    {.key = "tls.certificates[].key",
     .slot = [](Settings& s) -> Slot { return &s.server.certificates.back().private_key_path; },
     .path = true,
     .required = true,
     .help = "private key of the certificate, PEM"},
    {.key = "tls.ciphers",
     .slot = [](Settings& s) -> Slot { return &s.server.tls_ciphers; },
     .help = "cipher suites of TLS 1.2, as `openssl ciphers` takes them; TLS 1.3 has its own"},

    {.key = "log.level",
     .slot = [](Settings& s) -> Slot { return &s.log.level; },
     .help = "the least important lines that are written"},
    {.key = "log.format",
     .slot = [](Settings& s) -> Slot { return &s.log.format; },
     .help = "lines for people or JSON objects, one a line"},
    {.key = "log.path",
     .slot = [](Settings& s) -> Slot { return &s.log.path; },
     .path = true,
     .help = "file that lines are appended to; empty: standard error"},
    {.key = "log.queue_lines_max",
     .slot = [](Settings& s) -> Slot { return &s.log.queue_lines_max; },
     .min = 16,
     .max = 65536,
     .help = "lines waiting for the writer; newer ones are dropped and counted"},

    {.key = "http.head_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.server.http.head_bytes_max; },
     .min = kibi,
     .max = mebi,
     .help = "request line and header fields; more: 431"},
    {.key = "http.fields_max",
     .slot = [](Settings& s) -> Slot { return &s.server.http.fields_max; },
     .min = 1,
     .max = 10000,
     .help = "header fields of a request; more: 431"},
    {.key = "http.target_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.server.http.target_bytes_max; },
     .min = 64,
     .max = mebi,
     .help = "request target; more: 414"},
    {.key = "http.body_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.server.http.body_bytes_max; },
     .min = 0,
     .max = gibi,
     .help = "request body; more: 413"},
    {.key = "http.stream_queue_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.server.http.stream_queue_bytes_max; },
     .min = kibi,
     .max = gibi,
     .help = "queued bytes of a streamed answer"},
    {.key = "http.head_timeout_s",
     .slot = [](Settings& s) -> Slot { return &s.server.http.head_timeout; },
     .min = tenth_ms,
     .max = hour_ms,
     .help = "from the first byte to the end of the head, TLS handshake included"},
    {.key = "http.request_timeout_s",
     .slot = [](Settings& s) -> Slot { return &s.server.http.request_timeout; },
     .min = tenth_ms,
     .max = day_ms,
     .help = "head and body"},
    {.key = "http.keep_alive_timeout_s",
     .slot = [](Settings& s) -> Slot { return &s.server.http.keep_alive_timeout; },
     .min = tenth_ms,
     .max = day_ms,
     .help = "between two requests of a connection"},

    {.key = "http.answer_timeout_s",
     .slot = [](Settings& s) -> Slot { return &s.server.http.answer_timeout; },
     .min = tenth_ms,
     .max = day_ms,
     .help = "for an answer that a handler promised; then the client gets 500"},

    {.key = "http.cors.origins",
     .slot = [](Settings& s) -> Slot { return &s.cors.origins; },
     .check = check_cors_origin,
     .help = "`https://example.com` exactly, or `*`: everybody; empty: no CORS"},
    {.key = "http.cors.methods",
     .slot = [](Settings& s) -> Slot { return &s.cors.methods; },
     .check = check_token,
     .help = "methods that such pages may use"},
    {.key = "http.cors.headers",
     .slot = [](Settings& s) -> Slot { return &s.cors.headers; },
     .check = check_token,
     .help = "request fields that such pages may set"},
    {.key = "http.cors.expose",
     .slot = [](Settings& s) -> Slot { return &s.cors.expose; },
     .check = check_token,
     .help = "response fields that such pages may read"},
    {.key = "http.cors.credentials",
     .slot = [](Settings& s) -> Slot { return &s.cors.credentials; },
     .help = "allow cookies; not together with `*`"},
    {.key = "http.cors.max_age_s",
     .slot = [](Settings& s) -> Slot { return &s.cors.max_age_s; },
     .min = 0,
     .max = day_s,
     .help = "how long a browser may remember the answer"},

    {.key = "websocket[].path",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().path; },
     .check = check_route_path,
     .required = true,
     .help = "`/echo`, or with parameters `/rooms/:room`: each actual path is a room of its own"},
    {.key = "websocket[].kind",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().kind; },
     .required = true,
     .help = "handling of messages: see below"},
    {.key = "websocket[].message_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.message_bytes_max; },
     .min = 1,
     .max = gibi,
     .help = "size of a received message, decompressed; more: close 1009"},
    {.key = "websocket[].fragments_max",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.fragments_max; },
     .min = 1,
     .max = 16 * mebi,
     .help = "fragments of a received message; more: close 1008"},
    {.key = "websocket[].send_queue_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.send_queue_bytes_max; },
     .min = kibi,
     .max = gibi,
     .help = "bytes that wait for one client"},
    {.key = "websocket[].on_slow",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.on_full; },
     .help = "if the send queue is full: close with 1008, or drop the message"},
    {.key = "websocket[].fragment_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.fragment_bytes_max; },
     .min = 0,
     .max = gibi,
     .help = "sent messages are cut into frames of that size; 0: never"},
    {.key = "websocket[].origins",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.origins; },
     .check = check_ws_origin,
     .help = "further origins for this path: see below"},
    {.key = "websocket[].subprotocols",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.subprotocols; },
     .check = check_token,
     .help = "accepted subprotocols: the first one that the client offers is taken"},
    {.key = "websocket[].compression.enabled",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.compression.enabled; },
     .help = "permessage-deflate (RFC 7692) for clients that offer it"},
    {.key = "websocket[].compression.context_takeover",
     .slot = [](Settings& s) -> Slot {
         return &s.websocket.back().limits.compression.context_takeover;
     },
     .help = "keep the window between messages: smaller messages, about 300 KB per connection"},
    {.key = "websocket[].compression.threshold_bytes",
     .slot = [](Settings& s) -> Slot {
         return &s.websocket.back().limits.compression.threshold_bytes;
     },
     .min = 0,
     .max = gibi,
     .help = "messages below this size are not compressed"},
    {.key = "websocket[].compression.window_bits",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.compression.window_bits; },
     .min = 9,
     .max = 15,
     .help = "window of the server's compressor"},
    {.key = "websocket[].compression.level",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.compression.level; },
     .min = 1,
     .max = 9,
     .help = "effort of the compressor; 1: fast, 9: small"},
    {.key = "websocket[].ping_interval_s",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.ping_interval; },
     .min = 0,
     .max = day_ms,
     .help = "silence of a client before a ping; 0: never pings"},
    {.key = "websocket[].ping_timeout_s",
     .slot = [](Settings& s) -> Slot { return &s.websocket.back().limits.ping_timeout; },
     .min = tenth_ms,
     .max = day_ms,
     .help = "silence after a ping that ends the connection with 1006"},

    {.key = "events.enabled",
     .slot = [](Settings& s) -> Slot { return &s.events_enabled; },
     .help = "serve server events at `/ws/`, `/sse/` and `/api`; the demo does in any case"},
    {.key = "events.channels[].pattern",
     .slot = [](Settings& s) -> Slot { return &s.event_channels.back().pattern; },
     .required = true,
     .help = "`ApiIndex`, `ArticleMessage{id:number}` or `SystemMessage{email}`: see "
             "[events](events.md)"},
    {.key = "events.channels[].access",
     .slot = [](Settings& s) -> Slot { return &s.event_channels.back().access; },
     .help = "clients that may listen; `user`: logged-in users; `owner`: the user whom the first "
             "parameter names"},
    {.key = "events.channels[].interval_s",
     .slot = [](Settings& s) -> Slot { return &s.event_channels.back().interval; },
     .min = 0,
     .max = day_ms,
     .help = "shortest time between two pushes to one client; 0: no limit"},
    {.key = "events.channels[].excess",
     .slot = [](Settings& s) -> Slot { return &s.event_channels.back().excess; },
     .help = "events inside that interval are lost, or the last of them is pushed at its end"},
    {.key = "events.channels[].history.messages",
     .slot = [](Settings& s) -> Slot { return &s.event_channels.back().history.messages; },
     .min = 0,
     .max = 100'000,
     .help = "events of the channel that are kept for clients that come back; 0: none: see "
             "[history](history.md)"},
    {.key = "events.channels[].history.seconds",
     .slot = [](Settings& s) -> Slot { return &s.event_channels.back().history.age; },
     .min = tenth_ms,
     .max = 365 * day_ms,
     .help = "age at which a kept event is dropped"},
    {.key = "events.channels[].presence",
     .slot = [](Settings& s) -> Slot { return &s.event_channels.back().presence; },
     .help = "clients can ask who is there; `users`: all connections of a user are one member"},
    {.key = "events.channels[].publishers",
     .slot = [](Settings& s) -> Slot { return &s.event_channels.back().publishers; },
     .help = "clients of `/ws/channels` that may publish; `user`: logged-in users; `owner`: the "
             "user whom the first parameter names. They must be allowed to listen as well"},
    {.key = "events.history_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.events.history_bytes_max; },
     .min = 0,
     .max = 1024 * gibi,
     .help = "memory for the histories of all channels; the oldest events go first"},
    {.key = "events.recovery_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.events.recovery_bytes_max; },
     .min = 1,
     .max = gibi,
     .help =
         "a client that missed more of a channel begins without what it missed, and is told so"},
    {.key = "events.presence_members_max",
     .slot = [](Settings& s) -> Slot { return &s.events.presence_members_max; },
     .min = 1,
     .max = mebi,
     .help = "members of a channel; further ones are refused"},
    {.key = "events.presence_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.events.presence_bytes_max; },
     .min = 0,
     .max = 1024 * gibi,
     .help = "memory for the members of all channels; further ones are refused"},
    {.key = "events.presence_info_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.events.presence_info_bytes_max; },
     .min = 0,
     .max = mebi,
     .help = "size of what a member says about itself"},
    {.key = "events.subscriptions_max",
     .slot = [](Settings& s) -> Slot { return &s.events.subscriptions_max; },
     .min = 1,
     .max = mebi,
     .help = "channels of one client of `/ws/channels`"},
    {.key = "events.api_key",
     .slot = [](Settings& s) -> Slot { return &s.events.api_key; },
     .secret = true,
     .help =
         "key of `POST /api/publish`; empty: the program makes a key at each start and shows it"},
    {.key = "events.event_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.events.event_bytes_max; },
     .min = 1,
     .max = gibi,
     .help = "size of a published event; more: 413"},
    {.key = "events.batch_events_max",
     .slot = [](Settings& s) -> Slot { return &s.events.batch_events_max; },
     .min = 1,
     .max = mebi,
     .help = "events in one `POST /api/publish`; more: 400"},
    {.key = "events.heartbeat_s",
     .slot = [](Settings& s) -> Slot { return &s.events.heartbeat; },
     .min = 0,
     .max = hour_ms,
     .help = "time between comments to a client of `/sse/`; 0: no comments"},
    {.key = "events.origins",
     .slot = [](Settings& s) -> Slot { return &s.events.origins; },
     .check = check_ws_origin,
     .help = "further origins whose pages may listen, by WebSocket and by EventSource: see below"},
    {.key = "auth.keys[].id",
     .slot = [](Settings& s) -> Slot { return &s.auth_keys.back().id; },
     .help = "`kid` of the tokens that this key verifies; empty: tokens without a `kid`"},
    {.key = "auth.keys[].algorithm",
     .slot = [](Settings& s) -> Slot { return &s.auth_keys.back().algorithm; },
     .help = "signature algorithm of the tokens"},
    {.key = "auth.keys[].secret",
     .slot = [](Settings& s) -> Slot { return &s.auth_keys.back().secret; },
     .secret = true,
     .help = "HS256: the secret, 32 bytes at least"},
    {.key = "auth.keys[].path",
     .slot = [](Settings& s) -> Slot { return &s.auth_keys.back().path; },
     .path = true,
     .help = "in place of `secret`, a file with the secret or with the public key (PEM)"},
    {.key = "auth.issuer",
     .slot = [](Settings& s) -> Slot { return &s.events.auth.issuer; },
     .help = "issuer (`iss`) that tokens must name; empty: not checked"},
    {.key = "auth.audience",
     .slot = [](Settings& s) -> Slot { return &s.events.auth.audience; },
     .help = "audience (`aud`) that tokens must name; empty: not checked"},
    {.key = "auth.leeway_s",
     .slot = [](Settings& s) -> Slot { return &s.auth_leeway; },
     .min = 0,
     .max = hour_ms,
     .help = "tolerance for clocks that differ, in whole seconds"},
    {.key = "auth.cookie",
     .slot = [](Settings& s) -> Slot { return &s.events.auth.cookie; },
     .help = "cookie that holds the token; empty: no cookie is read"},
    {.key = "auth.query_parameter",
     .slot = [](Settings& s) -> Slot { return &s.events.auth.query_parameter; },
     .help = "query parameter that holds the token; empty: the query is not read"},
    {.key = "auth.user_claim",
     .slot = [](Settings& s) -> Slot { return &s.events.auth.user_claim; },
     .help = "claim that names the user; if a token lacks it, `sub` names the user"},
    {.key = "auth.user_header",
     .slot = [](Settings& s) -> Slot { return &s.events.auth.user_header; },
     .help = "header field in which a proxy names the logged-in user; empty: none"},
    {.key = "auth.trusted_proxies",
     .slot = [](Settings& s) -> Slot { return &s.events.auth.trusted_proxies; },
     .help = "more proxies than the top-level `trusted_proxies` whose user header is believed"},
};

const std::vector<Row>& rows() {
    static const std::vector<Row> all = [] {
        std::vector<Row> sections(std::begin(core_rows), std::end(core_rows));
        for (const auto& section :
             {site_rows(), client_rows(), socketio_rows(), gateway_rows(), cluster_rows(),
              admin_rows(), admin_ui_rows(), operation_rows()})
            sections.insert(sections.end(), section.begin(), section.end());
        return sections;
    }();
    return all;
}

// True: `key` begins with `section` and then `separator`, as "websocket[].path" does with
// "websocket[]" and ".".
bool begins(std::string_view key, std::string_view section, std::string_view separator) noexcept {
    return key.starts_with(section) && key.substr(section.size()).starts_with(separator);
}

bool any_begins(std::string_view section, std::string_view separator) {
    return std::any_of(rows().begin(), rows().end(),
                       [&](const Row& row) { return begins(row.key, section, separator); });
}

// A list of mappings: how an element with its defaults is added, the last one removed, and how many
// there are.
struct SectionList {
    std::string_view key;
    void (*append)(Settings&);
    void (*drop_last)(Settings&);
    size_t (*size)(Settings&);
};
template <auto list>
constexpr SectionList section_of(std::string_view key) {
    return {key, [](Settings& s) { list(s).emplace_back(); },
            [](Settings& s) { list(s).pop_back(); }, [](Settings& s) { return list(s).size(); }};
}
constexpr SectionList section_lists[] = {section_of <
                                             [](Settings & s) -> auto& {return s.server.listen;
}  // namespace
> ("listen"), section_of < [](Settings& s) -> auto& { return s.server.certificates; }
> ("tls.certificates"), section_of < [](Settings& s) -> auto& { return s.websocket; }
> ("websocket"), section_of < [](Settings& s) -> auto& { return s.sites; }
> ("sites"), section_of < [](Settings& s) -> auto& { return s.files; }
> ("files"), section_of < [](Settings& s) -> auto& { return s.socketio; }
> ("socketio"), section_of < [](Settings& s) -> auto& { return s.socketio_namespaces; }
> ("socketio_namespaces"), section_of < [](Settings& s) -> auto& { return s.event_channels; }
> ("events.channels"), section_of < [](Settings& s) -> auto& { return s.auth_keys; }
> ("auth.keys"), section_of < [](Settings& s) -> auto& { return s.gateway.routes; }
> ("gateway.routes"),
};  // namespace starling::app

const SectionList& section_list(std::string_view key) {
    return *std::ranges::find_if(section_lists,
                                 [&](const SectionList& list) { return list.key == key; });
}

}  // namespace

std::span<const Row> schema() { return rows(); }

const Row* find_row(std::string_view key) {
    for (const Row& row : rows())
        if (row.key == key) return &row;
    return nullptr;
}

bool is_section(std::string_view key) { return key.empty() || any_begins(key, "."); }
bool is_section_list(std::string_view key) { return any_begins(key, "[]."); }

std::vector<std::string_view> names_in(std::string_view key) {
    std::vector<std::string_view> names;
    for (const Row& row : rows()) {
        std::string_view rest = row.key;
        if (!key.empty()) {
            if (!begins(row.key, key, ".")) continue;
            rest.remove_prefix(key.size() + 1);
        }
        rest = rest.substr(0, rest.find_first_of(".["));
        if (std::ranges::find(names, rest) == names.end()) names.push_back(rest);
    }
    return names;
}

void append_element(Settings& settings, std::string_view key) {
    section_list(key).append(settings);
}

void clear_list(Settings& settings, std::string_view key) {
    while (list_size(settings, key) > 0) drop_last_element(settings, key);
}

std::vector<std::string_view> section_list_names() {
    std::vector<std::string_view> names;
    for (const SectionList& list : section_lists) names.push_back(list.key);
    return names;
}

size_t list_size(Settings& settings, std::string_view key) {
    return section_list(key).size(settings);
}

void drop_last_element(Settings& settings, std::string_view key) {
    section_list(key).drop_last(settings);
}

}  // namespace starling::app
