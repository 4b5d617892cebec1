// Checks the requests to Engine.IO and finds the session of each.
#include "server/engineio/engine.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engineio/ids.h"
#include "server/connection_facts.h"
#include "server/engineio/engine_worker.h"
#include "server/engineio/exchange.h"
#include "server/engineio/polling.h"
#include "server/engineio/query.h"
#include "server/engineio/relay_part.h"
#include "server/engineio/websocket.h"
#include "server/figures.h"
#include "server/http_connection.h"
#include "server/nodes.h"
#include "server/site.h"
#include "server/site_origins.h"

namespace starling::server {
namespace {

using engineio::Error;
using engineio::Method;
using engineio::Transport;

uint32_t ms(std::chrono::milliseconds duration, const char* what) {
    static_assert(EngineOptions::time_max.count() == engineio::SessionOptions::time_ms_max);
    if (duration.count() <= 0 || duration > EngineOptions::time_max)
        throw std::invalid_argument(what);
    return static_cast<uint32_t>(duration.count());
}

ws::OriginPolicy origins_of(const EngineOptions& options) {
    ws::OriginPolicy policy{.allowed = options.origins};
    if (options.cors)
        policy.allowed.insert(policy.allowed.end(), options.cors->origins.begin(),
                              options.cors->origins.end());
    for (const auto& origin : policy.allowed)
        if (!ws::origin_pattern_is_valid(origin))
            throw std::invalid_argument("not an origin: '" + origin + "'");
    return policy;
}

// The origin of the requesting page. A JSONP <script> sends no Origin, and any page can read its
// answers; there the browser's Sec-Fetch-Site counts (Fetch Metadata 2.4; "none": the user typed
// the address).
std::string_view origin_of(const http::Request& request) {
    const auto origin = request.header("origin");
    const auto site = request.header("sec-fetch-site");
    if (!origin.empty() || site.empty() || site == "same-origin" || site == "none") return origin;
    const auto page = request.header("referer");
    const size_t authority = page.find("://");
    if (authority == std::string_view::npos) return "null";
    return page.substr(0, page.find_first_of("/?#", authority + 3));
}

Method method_of(std::string_view method) {
    if (method == "GET") return Method::get;
    return method == "POST" ? Method::post : Method::other;
}

}  // namespace

Engine::Engine(EngineOptions options, EngineFactory factory)
    : options_(std::move(options)),
      factory_(std::move(factory)),
      policy_{.polling = options_.polling,
              .websocket = options_.websocket,
              .allow_upgrades = options_.allow_upgrades,
              .allow_eio3 = options_.allow_eio3},
      session_options_{.ping_interval_ms = ms(options_.ping_interval, "ping_interval"),
                       .ping_timeout_ms = ms(options_.ping_timeout, "ping_timeout"),
                       .upgrade_timeout_ms = ms(options_.upgrade_timeout, "upgrade_timeout")},
      join_timeout_ms_(
          options_.join_timeout.count() == 0 ? 0 : ms(options_.join_timeout, "join_timeout")),
      origins_(origins_of(options_)) {
    if (!options_.path.starts_with('/') || options_.path.ends_with('/'))
        throw std::invalid_argument("EngineOptions::path begins, and does not end, with a slash");
}

Engine::~Engine() = default;

// A request, parsed and checked once. A POST without a session does not pass.
struct Engine::Checked {
    Checked(const Engine& engine, const Worker& worker, const http::Request& request, bool upgrade)
        : query(request.query_string()), session(engine.host(worker).find(query->sid)) {
        const auto facts = session ? session->core_.facts() : engineio::SessionFacts();
        const Method method = upgrade ? Method::get : method_of(request.method());
        error =
            engineio::verify(*query, method, upgrade, engine.policy_, session ? &facts : nullptr);
        if (error != Error::unknown_sid) [[likely]]
            return;
        const EngineWorker& mine = engine.host(worker);
        if (engine.nodes_) home = engine.home_of(query->sid);
        const RelayPart* const relay = mine.relay();
        if (home && relay && relay->is_given_up(home->node)) home.reset();
        // An id names its node, or it may be asked for: never both.
        is_foreign = mine.foreign() && ForeignSessions::may_have(*query, method, upgrade);
        if (home || is_foreign) error.reset();
    }

    const EngineQuery query;
    EngineSession* const session;  // Null: the request names no session of this node.
    std::optional<Error> error;
    std::optional<SessionHome> home;  // The session is of this other node.
    bool is_foreign = false;          // The session may be of another program.
};

// Polling requests and upgrades of one path.
class Engine::EngineRoute final : public Route {
public:
    EngineRoute(Engine& engine, size_t websocket) noexcept
        : Route(engine.options_.max_http_buffer_size), engine_(engine), websocket_(websocket) {}

    [[nodiscard]] std::optional<uint32_t> owner(std::string_view query) const override {
        std::string decoded;
        const auto parts = engineio::parse_sid(sid_of(query, decoded));
        if (!parts) return std::nullopt;
        // Requests to a session of another node are all on one worker as well.
        return static_cast<uint32_t>(parts->worker % engine_.hosts_.size());
    }
    [[nodiscard]] std::optional<size_t> websocket() const noexcept override { return websocket_; }
    [[nodiscard]] const http::CorsOptions* cors() const noexcept override {
        return engine_.options_.cors ? &*engine_.options_.cors : nullptr;
    }
    [[nodiscard]] bool begin_body(HttpConnection& connection, const http::Request& request,
                                  http::Response& response) override {
        return engine_.begin(connection, request, response);
    }
    void answer(HttpConnection& connection, const http::Request& request,
                http::Response& response) override {
        engine_.answer(connection, request, response);
    }

private:
    Engine& engine_;
    const size_t websocket_;
};

void Engine::mount(Site& site) {
    ws::Route route;
    route.message_bytes_max = options_.max_http_buffer_size;
    route.send_queue_bytes_max = options_.send_queue_bytes_max;
    route.ping_interval = std::chrono::milliseconds(0);  // Engine.IO has its own heartbeat.
    route.origins = origins_.allowed;
    route.compression = options_.per_message_deflate;
    route.subprotocols = options_.subprotocols;
    auto endpoint = std::make_unique<WebSocketEndpoint>(std::move(route),
                                                        std::make_unique<EngineWsHandler>(*this));
    endpoint->echo_subprotocol = true;
    site.mask_query("sid");  // Knowing the sid is enough to take over the session.
    const size_t index = site.add_endpoint(std::move(endpoint));
    // Node's server compares the path's prefix, so without the trailing slash it serves both paths.
    if (!options_.add_trailing_slash)
        site.add("*", options_.path, std::make_unique<EngineRoute>(*this, index));
    site.add("*", options_.path + "/", std::make_unique<EngineRoute>(*this, index));
}

void Engine::attach(WorkerGroup& group) {
    sessions_max_ = group.connections_max;
    unjoined_max_ =
        static_cast<size_t>(std::max<uint64_t>(sessions_max_ / 4 / group.workers.size(), 1));
    hosts_.clear();  // A start that failed may have left pointers.
    for (const auto& worker : group.workers) {
        auto host = std::make_unique<EngineWorker>(*this, *worker);
        hosts_.push_back(host.get());
        worker->add_part(std::move(host));
    }
    nodes_ = group.nodes;
    if (!nodes_) return;
    RelayPart::attach(group, *this);
    for (EngineWorker* const host : hosts_) host->use_nodes(*nodes_);
}

void Engine::use_part(size_t worker, EngineProtocolPart& part) const noexcept {
    hosts_[worker]->protocol_part = &part;
}

void Engine::server_stops(const Worker& worker) const { host(worker).server_stops(); }

void Engine::successor_serves(const Worker& worker) const { host(worker).successor_serves(); }

void Engine::connections_ended(const Worker& worker) const { host(worker).connections_ended(); }

bool Engine::is_busy(const Worker& worker) const noexcept { return host(worker).is_busy(); }

EngineWorker& Engine::host(const Worker& worker) const noexcept { return *hosts_[worker.index()]; }

EngineSession* Engine::find(const Worker& worker, base::SlotKey key) const noexcept {
    return host(worker).find(key);
}

bool Engine::allows_origin(const http::Request& request) const {
    return origin_allowed_on_site(origins_, request, origin_of(request));
}

bool Engine::apply_cors(const http::Request& request, http::Response& response) const {
    return apply_site_cors(options_.cors ? &*options_.cors : nullptr, request, response);
}

// False: `response` holds the refusal.
bool Engine::passes(Worker& worker, const http::Request& request, const Checked& checked,
                    http::Response& response) const {
    // A request with a sid begins no session.
    const auto count = [&](UpgradeRefusal why) {
        if (checked.query->sid.empty()) host(worker).refused_polls.add(why);
    };
    if (!allows_origin(request)) {
        worker.log_refused_origin(request);
        count(UpgradeRefusal::origin);
        refuse(worker, request, response, Error::forbidden);
        return false;
    }
    if (!checked.error) return true;
    count(UpgradeRefusal::protocol);
    refuse(worker, request, response, *checked.error);
    return false;
}

void Engine::call_header_hooks(const http::Request& request, http::Response& response,
                               bool initial) const {
    if (initial && options_.initial_headers) options_.initial_headers(response, request);
    if (options_.headers) options_.headers(response, request);
}

void Engine::report(Worker& worker, const http::Request& request, Error error,
                    std::string_view message) const {
    if (message.empty()) message = engineio::error_message(error);
    host(worker).log_fault("Engine.IO refused a request", message, request.remote_address());
    if (options_.connection_error)
        options_.connection_error(request, static_cast<int>(error), message);
}

void Engine::refuse(Worker& worker, const http::Request& request, http::Response& response,
                    Error error, std::string_view message) const {
    report(worker, request, error, message);
    response.status(engineio::error_status(error)).json(engineio::error_body(error, message));
}

// Sends the bare message: a browser does not show it to the page anyway.
void Engine::refuse_upgrade(WsAdmission& admission, Error error, std::string_view message) const {
    report(admission.worker, admission.request, error, message);
    if (message.empty()) message = engineio::error_message(error);
    admission.refusal.emplace().status(400).body(std::string(message), "text/html");
}

EngineSession* Engine::make_session(Worker& worker, const http::Request& request,
                                    const engineio::Query& query, Transport transport,
                                    Refused& refused) {
    // The limit of connections does not bound polling sessions: they hold no connection.
    if (sessions() >= sessions_max_ && !host(worker).make_room()) {
        refused = {"too many sessions", true};
        return nullptr;
    }
    if (options_.allow_request) {
        if (auto message = options_.allow_request(request)) {
            refused.message = std::move(*message);
            return nullptr;
        }
    }
    EngineSession& session = host(worker).make(query, transport, request.remote_address());
    if (session.make_user(factory_, request)) return &session;
    session.drop(EngineClose::forced_server_close);
    return nullptr;
}

// ---- polling ------------------------------------------------------------------------------------

void Engine::answer(HttpConnection& connection, const http::Request& request,
                    http::Response& response) {
    if (apply_cors(request, response)) return;
    Worker& worker = connection.worker();
    // begin() has checked the head of a POST.
    if (EngineSession* const session = find(worker, connection.watched_for())) {
        response.header("Cache-Control", "no-store");
        call_header_hooks(request, response, false);
        return session->on_post(Exchange(connection), request, response);
    }
    const Checked checked(*this, worker, request, false);
    if (!passes(worker, request, checked, response)) return;
    if (checked.home) {
        const uint64_t heartbeat_ms =
            uint64_t{session_options_.ping_interval_ms} + session_options_.ping_timeout_ms;
        return host(worker).relay()->ask(connection, request, response, *checked.home,
                                         checked.query->sid, heartbeat_ms);
    }
    if (checked.session) return answer_known(Exchange(connection), checked, request, response);
    response.header("Cache-Control", "no-store");
    if (checked.is_foreign) {
        call_header_hooks(request, response, false);
        return host(worker).foreign()->ask(connection, request, *checked.query, response);
    }
    call_header_hooks(request, response, true);
    answer_new(connection, request, *checked.query, response);
}

void Engine::answer_known(const Exchange& exchange, const Checked& checked,
                          const http::Request& request, http::Response& response) const {
    response.header("Cache-Control", "no-store");
    call_header_hooks(request, response, false);
    if (request.method() != "POST")
        return checked.session->on_get(exchange, request, *checked.query, response);
    // A POST without a body, or one that has arrived as a whole.
    if (checked.session->on_post_head(exchange, *checked.query, response))
        checked.session->on_post(exchange, request, response);
}

void Engine::answer_new(HttpConnection& connection, const http::Request& request,
                        const engineio::Query& query, http::Response& response) {
    Refused refused;
    Worker& worker = connection.worker();
    EngineSession* const session =
        make_session(worker, request, query, Transport::polling, refused);
    if (!session) {
        host(worker).refused_polls.add(refused.busy ? UpgradeRefusal::busy
                                                    : UpgradeRefusal::forbidden);
        return refuse(worker, request, response, Error::forbidden, refused.message);
    }
    if (options_.cookie)
        response.cookie(options_.cookie->name, session->sid().view(), options_.cookie->options);
    session->open();
    session->on_get(Exchange(connection), request, query, response);
}

// ---- sessions and other nodes -------------------------------------------------------------------

std::optional<SessionHome> Engine::home_of(std::string_view sid) const {
    const auto parts = engineio::parse_sid(sid);
    if (!parts || !parts->masked_node) return std::nullopt;
    const Nodes::Id node = *parts->masked_node ^ node_mask(*nodes_, parts->local);
    if (node == nodes_->self() || !nodes_->is_known(node)) return std::nullopt;
    return SessionHome{.node = node, .worker = static_cast<uint16_t>(parts->worker)};
}

bool Engine::serves(std::string_view path) const noexcept {
    if (!path.starts_with(options_.path)) return false;
    const std::string_view rest = path.substr(options_.path.size());
    return rest == "/" || (rest.empty() && !options_.add_trailing_slash);
}

void Engine::answer_relayed(Worker& worker, RelayedRequest& relayed, const http::Request& request) {
    const Checked checked(*this, worker, request, false);
    // The node that was asked knows the site of the request, and has checked the origin.
    if (checked.error) return refuse(worker, request, relayed.response, *checked.error);
    // A request without a session is none that is relayed, and none goes on to a third node.
    if (!checked.session) return refuse(worker, request, relayed.response, Error::unknown_sid);
    answer_known(Exchange(relayed), checked, request, relayed.response);
}

EngineSession* Engine::find_to_upgrade(Worker& worker, const http::Request& request) const {
    const Checked checked(*this, worker, request, true);
    if (!checked.error) return checked.session;
    report(worker, request, *checked.error, {});
    return nullptr;
}

// Checks a POST at its head: two POSTs at once are detected, and a body without a session is not
// read.
bool Engine::begin(HttpConnection& connection, const http::Request& request,
                   http::Response& response) {
    if (request.method() != "POST") return true;
    Worker& worker = connection.worker();
    const Checked checked(*this, worker, request, false);
    if (passes(worker, request, checked, response) &&
        (checked.home || checked.is_foreign ||
         checked.session->on_post_head(Exchange(connection), *checked.query, response)))
        return true;
    (void)apply_cors(request, response);
    return false;
}

// ---- WebSocket ----------------------------------------------------------------------------------

void Engine::admit(WsAdmission& admission) {
    const http::Request& request = admission.request;
    const Checked checked(*this, admission.worker, request, true);
    if (checked.error) return refuse_upgrade(admission, *checked.error);
    http::Response response;
    if (checked.home || checked.is_foreign) {
        call_header_hooks(request, response, false);
        admission.field_lines = response.field_lines();
        const EngineWorker& mine = host(admission.worker);
        if (checked.is_foreign) return mine.foreign()->forward(admission, *checked.query);
        return mine.relay()->forward(admission, *checked.home);
    }
    Refused refused;
    EngineSession* session = checked.session;
    if (!session)
        session =
            make_session(admission.worker, request, *checked.query, Transport::websocket, refused);
    if (!session) return refuse_upgrade(admission, Error::forbidden, refused.message);
    call_header_hooks(request, response, !checked.session);
    admission.field_lines = response.field_lines();
    admission.data = WsData::of_key(session->slot_key());
}

void Engine::add_figures(const Worker& worker, Figures& figures) const {
    const EngineWorker& mine = host(worker);
    const uint64_t polling = mine.sessions() - std::min<uint64_t>(mine.sessions(), mine.websockets);
    constexpr std::string_view name = "starling_socketio_sessions",
                               help = "Clients of Socket.IO, by transport";
    figures.gauge(name, help, static_cast<double>(mine.websockets),
                  label("transport", "websocket"));
    figures.gauge(name, help, static_cast<double>(polling), label("transport", "polling"));
    mine.refused_polls.add_figures("polling", figures);
    if (mine.relay()) mine.relay()->add_figures(*this, figures);
    if (mine.foreign()) mine.foreign()->add_figures(figures);
}

}  // namespace starling::server
