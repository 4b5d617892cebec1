#include "server/gateway/gateway.h"

#include <arpa/inet.h>
#include <starling/gateway_admin_ui.h>
#include <starling/server.h>
#include <starling/socketio_options.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "base/text.h"
#include "base/tokens.h"
#include "peer/local.h"
#include "server/gateway/control.h"
#include "server/gateway/nodes.h"
#include "server/gateway/part.h"
#include "server/gateway/sio_client.h"
#include "server/gateway/ws_client.h"
#include "server/host_sites.h"
#include "server/random_pool.h"
#include "server/site.h"
#include "server/state.h"
#include "ws/origin.h"

namespace starling::gateway {
namespace {

bool readable(const char* path) noexcept { return path && ::access(path, R_OK) == 0; }

std::optional<Fault> fault_of_application(const Route& route) {
    if (route.application.empty()) return std::nullopt;
    if (!server::read_application(route.application))
        return Fault{"application",
                     "must be http://HOST[:PORT]/PATH, https://HOST[:PORT]/PATH or "
                     "unix:/SOCKET:/PATH"};
    return server::fault_of_authorities(route, server::default_authorities());
}

// A field that the gateway or the HTTP of its requests sets: a client's value would break the webhook, or could be
// taken for the gateway's.
bool is_own_field(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 15> names = {
        "accept-encoding",   "connection", "content-encoding", "content-length",
        "content-type",      "cookie",     "expect",           "host",
        "keep-alive",        "te",         "trailer",          "trailers",
        "transfer-encoding", "upgrade",    "x-forwarded-for"};
    constexpr std::array<std::string_view, 2> prefixes = {"webhook-", "proxy-"};
    const auto is = [name](std::string_view other) { return base::iequals(name, other); };
    const auto begins = [name](std::string_view prefix) {
        return base::iequals(name.substr(0, prefix.size()), prefix);
    };
    return std::ranges::any_of(names, is) || std::ranges::any_of(prefixes, begins);
}

std::optional<Fault> fault_of_forwarded(const Route& route) {
    for (const std::string& name : route.forward_headers) {
        if (!base::is_token(name)) return Fault{"forward_headers", "must be names of headers"};
        if (is_own_field(name))
            return Fault{"forward_headers",
                         "'" + name + "' is a field that the gateway sets itself"};
    }
    return std::nullopt;
}

std::optional<Fault> fault_of_addresses(const Route& route) {
    try {
        peer::AddressSet set;
        for (const std::string& proxy : route.trusted_proxies) set.add(proxy);
    } catch (const std::invalid_argument& refused) {
        return Fault{"trusted_proxies", refused.what()};
    }
    for (const std::string& origin : route.origins)
        if (!ws::origin_pattern_is_valid(origin))
            return Fault{"origins", "'" + origin + "' is not an origin"};
    return std::nullopt;
}

std::optional<Fault> fault_of_path(const Route& route) {
    if (!route.path.starts_with('/')) return Fault{"path", "must begin with a slash"};
    if (route.kind == Kind::websocket) return std::nullopt;
    if (route.path == Route().path)
        return Fault{"path", "must be set for kind socketio, to /socket.io/ for most clients; " +
                                 Route().path + " is the one for kind websocket"};
    if (route.socketio && route.socketio->connection_state_recovery)
        return Fault{"socketio", "must not recover connections: webhooks are not recovered"};
    if (route.path.find_first_not_of('/') == std::string::npos || route.path.ends_with("//"))
        return Fault{"path", "must hold a name for kind socketio, as /socket.io/ does"};
    return std::nullopt;
}

}  // namespace

std::optional<Fault> fault_of(const Route& route) {
    if (auto fault = fault_of_path(route)) return fault;
    if (auto fault = fault_of_application(route)) return fault;
    if (!base::is_token(route.user_header)) return Fault{"user_header", "must be a header's name"};
    if (!base::is_token(route.token_cookie))
        return Fault{"token_cookie", "must be a cookie's name"};
    if (auto fault = fault_of_forwarded(route)) return fault;
    if (auto fault = fault_of_addresses(route)) return fault;
    if (!route.signing_key.empty()) {
        const auto key = webhook::SigningKey::read(route.signing_key);
        if (!key) return Fault{"signing_key", key.error()};
    }
    if (!route.ca_path.empty() && !readable(route.ca_path.c_str()))
        return Fault{"ca_path", "'" + route.ca_path + "' cannot be read"};
    if (route.queue_messages_max == 0) return Fault{"queue_messages_max", "must be 1 at least"};
    if (route.webhooks_in_flight_max == 0)
        return Fault{"webhooks_in_flight_max", "must be 1 at least"};
    return std::nullopt;
}

}  // namespace starling::gateway

namespace starling::server {
namespace {

// Beyond this number, the oldest webhooks `close` are dropped.
constexpr size_t closes_max = 100'000;

// The largest message that Olares' container accepts from a client.
constexpr uint64_t olares_message_bytes_max = 4 * 1024 * 1024;

uint32_t ms_of(std::chrono::milliseconds time) noexcept {
    return static_cast<uint32_t>(std::clamp<int64_t>(time.count(), 0, INT32_MAX));
}

ConnIds make_conn_ids() {
    std::array<std::byte, 16> secret;
    RandomPool().take(secret);
    return ConnIds(secret);
}

void require_keys(const std::vector<std::string>& keys) {
    if (std::ranges::any_of(keys, &std::string::empty))
        throw std::invalid_argument("api_keys: a key is empty");
}

std::vector<std::string> keys_of(const gateway::Options& options) {
    require_keys(options.api_keys);
    if (!options.api_keys.empty()) return options.api_keys;
    return {make_api_key()};
}

gateway::Route valid(gateway::Route route) {
    if (const auto fault = gateway::fault_of(route))
        throw std::invalid_argument(fault->member + " " + fault->what);
    return route;
}

// Is the request's Host one by which programs on this machine call it: "localhost", or an address? A page whose own
// name was made to resolve to this machine (DNS rebinding) sends that name, and over plain HTTP no Sec-Fetch-Site.
bool is_called_locally(std::string_view host) {
    if (host.empty() || host.front() == '[')
        return true;  // HTTP/1.0 without Host; an IPv6 address.
    const std::string name(host.substr(0, host.find(':')));
    in_addr address{};
    return base::iequals(name, "localhost") || ::inet_pton(AF_INET, name.c_str(), &address) == 1;
}

}  // namespace

GatewayRoute::GatewayRoute(gateway::Route route, gateway::Olares olares)
    : options(std::move(route)),
      application(read_application(valid(options).application)),
      proxies(std::in_place, peer::AddressSet::read("trusted_proxies", options.trusted_proxies)),
      data(olares == gateway::Olares::strict ? webhook::Data::objects_only : webhook::Data::whole),
      any_origin(olares != gateway::Olares::off),
      watches_silence(options.kind == gateway::Kind::websocket &&
                      options.ping_timeout.count() != 0),
      binary_ping(olares != gateway::Olares::off),
      always_cookie(olares != gateway::Olares::off),
      message_bytes_max(
          olares == gateway::Olares::off
              ? options.message_bytes_max
              : std::max<uint64_t>(options.message_bytes_max, olares_message_bytes_max)),
      retry{.rules = olares == gateway::Olares::off ? webhook::Rules::at_least_once
                                                    : webhook::Rules::at_most_once,
            .retry_for_ms = ms_of(options.retry_for),
            .close_retry_for_ms = ms_of(options.close_retry_for)} {
    if (options.signing_key.empty()) return;
    auto key = webhook::SigningKey::read(options.signing_key);
    if (key) signing_key = *std::move(key);
}

Gateway::Gateway(gateway::Options options)
    : options_(std::move(options)),
      api_keys_(keys_of(options_)),
      accepted_keys_(std::in_place, api_keys_),
      trusts_loopback_(options_.api_keys.empty() && options_.olares != gateway::Olares::off),
      conn_ids_(make_conn_ids()),
      budget_(options_.queues_bytes_max) {
    for (const gateway::Route& route : options_.routes)
        routes_.push_back(std::make_unique<GatewayRoute>(route, options_.olares));
    for (size_t i = 0; i < routes_.size(); ++i)
        if (routes_[i]->options.kind == gateway::Kind::socketio)
            socketio_.emplace(i, make_sio_clients(*this, i));
}

Gateway::~Gateway() = default;

sio::Server* Gateway::socketio(size_t route) const noexcept {
    const auto found = socketio_.find(route);
    return found == socketio_.end() ? nullptr : &found->second->io();
}

const std::string& Gateway::api_key() const noexcept { return api_keys_.front(); }

void Gateway::change_keys(const std::vector<std::string>& keys) {
    if (options_.api_keys.empty() || keys.empty())
        throw std::invalid_argument("a key that the program makes needs a restart");
    require_keys(keys);
    accepted_keys_.replace(std::make_unique<const auth::ApiKeys>(keys));
}

void Gateway::change_trusted_proxies(size_t route, const std::vector<std::string>& proxies) {
    routes_.at(route)->proxies.replace(std::make_unique<const peer::AddressSet>(
        peer::AddressSet::read("trusted_proxies", proxies)));
}

gateway::Stats Gateway::stats() const {
    const auto get = [](const std::atomic<uint64_t>& count) {
        return count.load(std::memory_order_relaxed);
    };
    return {.connections_open = get(counters_.connections),
            .webhooks_delivered = get(counters_.delivered),
            .webhooks_retried = get(counters_.retried),
            .webhooks_given_up = get(counters_.given_up),
            .closes_dropped = get(counters_.closes_dropped),
            .queued_bytes = budget_.used(),
            .actions_done = get(counters_.actions_done),
            .actions_refused = get(counters_.actions_refused)};
}

void Gateway::mount(Site& site) {
    for (size_t i = 0; i < routes_.size(); ++i) {
        const gateway::Route& route = routes_[i]->options;
        HostEntry* const host =
            route.site.empty() ? site.adding_to : &site.make_hosts().named(route.site);
        add_for_host(site, host, [&] {
            if (route.kind == gateway::Kind::websocket)
                mount_ws_clients(site, *this, i);
            else
                socketio_.at(i)->mount(site);
        });
    }
    mount_control(site, *this);
    site.lenient_paths |= olares();
}

void Gateway::attach(WorkerGroup& group) {
    if (group.workers.size() > ConnIds::workers_max)
        throw std::runtime_error("the gateway works with 1024 workers at most");
    group_ = &group;
    // Attach Socket.IO before the parts are made: a worker's sessions of Socket.IO then end before
    // its GatewayPart.
    for (const auto& [route, clients] : socketio_) clients->attach(group);
    parts_.clear();  // Parts of a start that failed.
    for (const auto& worker : group.workers) {
        auto part = std::make_unique<GatewayPart>(*this, *worker);
        parts_.push_back(part.get());
        worker->add_part(std::move(part));
    }
    if (!group.nodes) return;
    conn_ids_.use_node(mark_of(group.nodes->self()));
    nodes_ = std::make_unique<GatewayNodes>(*this, group);
}

void Gateway::detach() noexcept {
    for (const auto& [route, clients] : socketio_) clients->detach();
    group_ = nullptr;
    parts_.clear();
}

void Gateway::server_stops(Worker& worker) {
    for (const auto& [route, clients] : socketio_) clients->server_stops(worker);
}

void Gateway::successor_serves(Worker& worker) {
    for (const auto& [route, clients] : socketio_) clients->successor_serves(worker);
}

void Gateway::connections_ended(Worker& worker) {
    for (const auto& [route, clients] : socketio_) clients->connections_ended(worker);
}

void Gateway::add_stats(ServerStats& stats) const {
    for (const auto& [route, clients] : socketio_) clients->add_stats(stats);
}

void Gateway::close_handles() noexcept {
    log_.end();
    for (const auto& [route, clients] : socketio_) clients->close_handles();
}

bool Gateway::is_busy(Worker& worker) { return part(worker).is_busy(); }

GatewayPart& Gateway::part(const Worker& worker) const noexcept { return *parts_[worker.index()]; }

bool Gateway::allows(const http::Request& request) const {
    if (has_key(request)) return true;
    // The address that a proxy names is no proof, since the proxy may serve anybody.
    if (!trusts_loopback_ || request.proxied() || !peer::is_loopback(request.remote_address()))
        return false;
    // No browser calls a Unix-domain socket.
    const bool is_unix = request.remote_address().empty();
    if (!is_unix && !is_called_locally(request.header("host"))) return false;
    return !peer::tell_of_another_peer(request.headers());
}

bool Gateway::has_key(const http::Request& request) const {
    return accepted_keys_->contain(auth::api_key_of(request));
}

webhook::DeliveryOptions Gateway::delivery_options(const GatewayRoute& route) const noexcept {
    return {.messages_max = static_cast<uint32_t>(
                std::min<size_t>(route.options.queue_messages_max, UINT32_MAX)),
            .message_bytes_max =
                static_cast<uint32_t>(std::min<size_t>(route.options.queue_bytes_max, UINT32_MAX)),
            .endings_max = static_cast<uint32_t>(
                std::max<size_t>(closes_max / group_->workers.size() / routes_.size(), 1)),
            .retry = route.retry};
}

}  // namespace starling::server

namespace starling {

gateway::Gateway& Server::gateway(gateway::Options options) {
    if (state_->find<server::Gateway>()) throw std::logic_error("a server has one gateway");
    return state_->extend(std::make_unique<server::Gateway>(std::move(options)));
}

}  // namespace starling

namespace starling {

void sio::instrument(gateway::Gateway& gateway, size_t route, AdminUiOptions options) {
    sio::Server* const io = dynamic_cast<server::Gateway&>(gateway).socketio(route);
    if (!io) throw std::invalid_argument("admin ui: this route of the gateway is not Socket.IO");
    instrument(*io, std::move(options));
}

}  // namespace starling
