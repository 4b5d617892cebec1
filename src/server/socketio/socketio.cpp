#include "server/socketio/socketio.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "server/figures.h"
#include "server/socketio/bundles.h"
#include "server/socketio/login.h"
#include "server/socketio/name_pattern.h"
#include "server/socketio/session_handler.h"
#include "server/state.h"
#include "server/worker.h"
#include "socketio/broadcast_target.h"

namespace starling::server {
namespace {

class LockedHistory final : public socketio::SharedHistory {
public:
    explicit LockedHistory(const sio::Recovery& limits) : history_(limits) {}
    void with(const std::function<void(socketio::History&)>& call) override {
        const std::lock_guard lock(mutex_);
        call(history_);
    }

private:
    std::mutex mutex_;
    socketio::History history_;
};

// Gives access to the protected constructor of Namespace.
class OwnedNamespace final : public sio::Namespace {
public:
    explicit OwnedNamespace(std::shared_ptr<socketio::NamespaceSetup> setup)
        : sio::Namespace(std::move(setup)) {}
};

EngineOptions engine_options(const sio::Options& options) {
    EngineOptions engine;
    engine.path = options.path;
    engine.add_trailing_slash = options.add_trailing_slash;
    const auto has = [&](sio::Transport transport) {
        return std::ranges::find(options.transports, transport) != options.transports.end();
    };
    engine.polling = has(sio::Transport::polling);
    engine.websocket = has(sio::Transport::websocket);
    engine.allow_upgrades = options.allow_upgrades;
    engine.allow_eio3 = options.allow_eio3;
    engine.ping_interval = options.ping_interval;
    engine.ping_timeout = options.ping_timeout;
    engine.upgrade_timeout = options.upgrade_timeout;
    engine.max_http_buffer_size = options.max_http_buffer_size;
    engine.send_queue_bytes_max = options.send_queue_bytes_max;
    engine.allow_request = options.allow_request;
    engine.per_message_deflate = options.per_message_deflate;
    engine.http_compression_threshold = std::nullopt;
    if (options.http_compression.enabled)
        engine.http_compression_threshold = options.http_compression.threshold_bytes;
    if (options.cookie) engine.cookie = EngineCookie{options.cookie->name, options.cookie->options};
    engine.cors = options.cors;
    engine.origins = options.origins;
    engine.subprotocols = options.subprotocols;
    engine.join_timeout = options.connect_timeout;
    engine.unjoined_per_address_max = options.unjoined_per_address_max;
    if (options.initial_headers)
        engine.initial_headers = [call = options.initial_headers](auto& response, auto& request) {
            call(request, response);
        };
    if (options.headers)
        engine.headers = [call = options.headers](auto& response, auto& request) {
            call(request, response);
        };
    return engine;
}

void require_above_zero(std::string_view option, int64_t value) {
    if (value <= 0)
        throw std::invalid_argument("socket.io: " + std::string(option) + " must be above 0");
}

// Of a time that Engine.IO keeps in milliseconds.
void require_session_time(std::string_view option, std::chrono::milliseconds value) {
    require_above_zero(option, value.count());
    if (value > EngineOptions::time_max)
        throw std::invalid_argument("socket.io: " + std::string(option) +
                                    " must be at most 6 days");
}

sio::Options checked(sio::Options options) {
    if (!options.path.starts_with('/') || options.path.ends_with('/'))
        throw std::invalid_argument("socket.io: path must begin with / and not end with it: '" +
                                    options.path + "'");
    if (options.transports.empty())
        throw std::invalid_argument("socket.io: transports must name one at least");
    require_session_time("ping_interval", options.ping_interval);
    require_session_time("ping_timeout", options.ping_timeout);
    require_session_time("upgrade_timeout", options.upgrade_timeout);
    require_session_time("connect_timeout", options.connect_timeout);
    require_above_zero("ack_timeout", options.ack_timeout.count());
    require_above_zero("max_http_buffer_size", options.max_http_buffer_size > 0);
    require_above_zero("send_queue_bytes_max", options.send_queue_bytes_max > 0);
    require_above_zero("unjoined_per_address_max", options.unjoined_per_address_max);
    require_above_zero("namespaces_max", options.namespaces_max);
    if (const auto& recovery = options.connection_state_recovery)
        require_above_zero("max_disconnection_duration",
                           recovery->max_disconnection_duration.count());
    for (const sio::NamespaceLimits& limits : options.namespace_limits)
        if (!limits.name.starts_with('/'))
            throw std::invalid_argument("socket.io: namespace_limits must name a namespace: '" +
                                        limits.name + "'");
    if (options.auth && options.auth_required && options.auth->keys.empty() &&
        options.auth->user_header.empty())
        throw std::invalid_argument(
            "socket.io: auth has no keys and no user_header: nobody gets in");
    std::error_code unknown;
    if (options.serve_client && !options.client_dir.empty() &&
        !std::filesystem::is_directory(options.client_dir, unknown))
        throw std::invalid_argument("socket.io: client_dir is no folder: '" + options.client_dir +
                                    "'");
    return options;
}

void add_quota(Figures& figures, const socketio::Quota& quota) {
    const std::string nsp = label("namespace", quota.limits.name);
    const auto get = [](const std::atomic<uint64_t>& count) {
        return count.load(std::memory_order_relaxed);
    };
    figures.gauge("starling_socketio_namespace_clients", "Clients of namespaces that have limits",
                  static_cast<double>(get(quota.clients)), nsp);
    const std::pair<std::string_view, uint64_t> refused[] = {
        {"connections_max", get(quota.refused_connections)},
        {"messages", get(quota.refused_messages)},
        {"message_bytes_max", get(quota.refused_bytes)},
        {"rooms_max", get(quota.refused_rooms)}};
    for (const auto& [limit, count] : refused)
        figures.counter("starling_socketio_namespace_refused_total",
                        "What exceeded a limit of a namespace, by limit", count,
                        nsp + "," + label("limit", limit));
}

}  // namespace

// Objects that live longer than the socketio::Servers, which refer to them.
struct SocketIo::Shared {
    Shared(const sio::Options& options, socketio::EventSink* events)
        : login(make_login(options)), adapter(settings(options, events), history(options)) {}

    static std::unique_ptr<SocketIoLogin> make_login(const sio::Options& options) {
        if (!options.auth) return nullptr;
        return std::make_unique<SocketIoLogin>(*options.auth, options.auth_required);
    }
    static std::unique_ptr<socketio::SharedHistory> history(const sio::Options& options) {
        if (!options.connection_state_recovery) return nullptr;
        return std::make_unique<LockedHistory>(*options.connection_state_recovery);
    }
    [[nodiscard]] socketio::Settings settings(const sio::Options& options,
                                              socketio::EventSink* events) const {
        socketio::Settings settings;
        settings.events = events;
        settings.codec = options.parser == sio::Parser::msgpack ? socketio::Codec::msgpack
                                                                : socketio::Codec::json;
        settings.decode.attachments_max = options.max_attachments;
        settings.decode.repeated_bytes_max = options.max_http_buffer_size;
        settings.decode.packet_bytes_max = options.max_http_buffer_size;
        std::random_device random;
        settings.decode.table_seed = static_cast<uint64_t>(random()) << 32 | random();
        settings.connect_timeout_ms = static_cast<uint64_t>(options.connect_timeout.count());
        settings.ack_timeout_ms = static_cast<uint64_t>(options.ack_timeout.count());
        settings.namespaces_max = options.namespaces_max;
        settings.pending_acks_max = options.pending_acks_max;
        settings.namespaces = options.namespaces;
        settings.namespace_limits = options.namespace_limits;
        settings.recovery = options.connection_state_recovery;
        settings.initial_packet = options.initial_packet;
        if (login)
            settings.login = [who = login.get()](const sio::Json& auth,
                                                 const socketio::ConnectInfo& info, int64_t now_s) {
                return who->decide(auth, info, now_s);
            };
        return settings;
    }

    const std::unique_ptr<SocketIoLogin> login;
    socketio::Adapter adapter;
};

SocketIo::SocketIo(sio::Options options, socketio::EventSink* events)
    : SocketIo(checked(options), std::make_unique<Shared>(options, events)) {}

SocketIo::SocketIo(sio::Options options, std::unique_ptr<Shared> shared)
    : sio::Server(shared->adapter.declare("/")),
      options_(std::move(options)),
      shared_(std::move(shared)) {
    EngineOptions engine = engine_options(options_);
    engine.connection_error = [this](const http::Request& request, int code,
                                     std::string_view message) {
        if (on_connection_error_) on_connection_error_({code, message, request});
    };
    engine_ = std::make_unique<Engine>(
        std::move(engine), [this](EngineSession& session, const http::Request& request) {
            return open(session, request);
        });
}

SocketIo::~SocketIo() = default;

std::unique_ptr<EngineHandler> SocketIo::open(EngineSession& session,
                                              const http::Request& request) {
    if (closed_.load(std::memory_order_relaxed)) return nullptr;
    Worker& worker = session.worker();
    auth::Verdict login;
    socketio::ConnectInfo::Login kept;
    if (shared_->login) {
        login = shared_->login->read(request, worker.now_s());
        kept = SocketIoLogin::kept(login);
    }
    base::Slabs& slabs = worker.slabs();  // NOLINT(misc-const-correctness): new changes them.
    auto info =
        connect_info(request, worker.now_s() * 1000,
                     login.identity ? std::string_view(login.identity->user) : "", kept, &slabs);
    std::unique_ptr<EngineHandler> handler;
    if (meter_)
        handler.reset(new (slabs) MeteredSessionHandler(session, std::move(info), *meter_));
    else
        handler.reset(new (slabs) SocketIoSessionHandler(session, std::move(info)));
    return handler;
}

// ---- namespaces ---------------------------------------------------------------------------------

sio::Namespace& SocketIo::add(std::shared_ptr<socketio::NamespaceSetup> setup) {
    setup->close_when_empty = options_.cleanup_empty_child_namespaces;
    return *namespaces_.emplace_back(std::make_unique<OwnedNamespace>(std::move(setup)));
}

sio::Namespace& SocketIo::of(std::string_view name) {
    const std::string full = socketio::namespace_name(name);
    if (full == "/") return *this;
    for (const auto& known : namespaces_)
        if (known->name() == full) return *known;
    shared_->adapter.require_not_started();
    return add(shared_->adapter.declare(full));
}

sio::Namespace& SocketIo::of_pattern(std::string_view expression) {
    shared_->adapter.require_not_started();
    return add(shared_->adapter.declare_dynamic(
        expression, [matches = name_pattern(expression)](std::string_view name, const sio::Json&) {
            return matches(name);
        }));
}

sio::Namespace& SocketIo::of_matching(Accept accept) {
    if (!accept) throw std::invalid_argument("of_matching: no function");
    shared_->adapter.require_not_started();
    return add(shared_->adapter.declare_dynamic("(matching)", std::move(accept)));
}

void SocketIo::on_new_namespace(PlainCallback<void(std::string_view)> call) {
    shared_->adapter.require_not_started();
    shared_->adapter.on_new_namespace(std::move(call));
}

void SocketIo::on_connection_error(PlainCallback<void(const ConnectionError&)> call) {
    shared_->adapter.require_not_started();
    on_connection_error_ = std::move(call);
}

sio::Broadcast SocketIo::in_namespace(std::string_view name) const {
    return broadcast_to(socketio::namespace_name(name));
}

size_t SocketIo::clients() const { return static_cast<size_t>(engine_->sessions()); }

void SocketIo::close() {
    closed_.store(true, std::memory_order_relaxed);
    local().disconnect_sockets(true);
    for (const auto& known : namespaces_) known->local().disconnect_sockets(true);
}

// ---- on a server --------------------------------------------------------------------------------

void SocketIo::mount(Site& site) {
    if (options_.auth) site.mask_query(options_.auth->query_parameter);
    clients_missing_ = options_.serve_client && !mount_clients(site, options_);
    engine_->mount(site);
}

void SocketIo::attach(WorkerGroup& group) {
    for (const auto& worker : group.workers) {
        workers_.push_back(std::make_unique<SocketIoWorker>(*worker, shared_->adapter));
        shared_->adapter.add_server(workers_.back()->server());
    }
    engine_->attach(group);
    for (size_t i = 0; i < workers_.size(); ++i) engine_->use_part(i, *workers_[i]);
    shared_->adapter.use_post_all([this, &group](
                                      size_t bytes, const socketio::Server* except,
                                      const std::function<void(socketio::Server&)>& call) {
        const Worker* skipped = nullptr;
        for (size_t i = 0; i < workers_.size(); ++i)
            if (&workers_[i]->server() == except) skipped = group.workers[i].get();
        group.post_all(bytes, skipped,
                       [this, call](Worker& worker) { call(workers_[worker.index()]->server()); });
    });
    if (cluster_) cluster_->attach(group);
    if (display_) display_->attach(group);
    shared_->adapter.open();
    if (clients_missing_ && group.log && group.log->wants(log::Level::warn))
        group.log->write(log::Level::warn,
                         "socket.io: no bundles for browsers were found: set client_dir, or "
                         "serve_client to false",
                         {});
}

void SocketIo::server_stops(Worker& worker) { engine_->server_stops(worker); }

void SocketIo::successor_serves(Worker& worker) { engine_->successor_serves(worker); }

void SocketIo::connections_ended(Worker& worker) { engine_->connections_ended(worker); }

bool SocketIo::is_busy(Worker& worker) { return engine_->is_busy(worker); }

void SocketIo::add_stats(ServerStats& stats) const {
    stats.socketio_sessions_open += engine_->sessions();
    stats.socketio_sessions_opened += engine_->sessions_opened();
}

void SocketIo::add_figures(Figures& figures) const {
    if (cluster_) cluster_->add_figures(figures);
    for (const auto& quota : shared_->adapter.quotas()) add_quota(figures, *quota);
}

void SocketIo::add_figures(Worker& worker, Figures& figures) {
    const hub::Hub::Traffic& traffic = workers_[worker.index()]->server().traffic();
    figures.counter("starling_publications_total", publications_help, traffic.publications,
                    label("kind", "socketio"));
    figures.counter("starling_deliveries_total", deliveries_help, traffic.deliveries,
                    label("kind", "socketio"));
    workers_[worker.index()]->refused_namespaces().add_figures("namespace", figures);
    engine_->add_figures(worker, figures);
}

void SocketIo::each_room(Worker& worker, const std::function<void(const RoomFacts&)>& call) {
    workers_[worker.index()]->server().each_room(
        [&](std::string_view nsp, std::string_view room, size_t members) {
            call({"room", nsp, room, members});
        });
}

void SocketIo::close_handles() noexcept {
    shared_->adapter.close();
    if (cluster_) cluster_->close_handles();
    if (display_) display_->close_handles();
}

socketio::Adapter& SocketIo::adapter() noexcept { return shared_->adapter; }

void SocketIo::use_cluster(std::unique_ptr<Extension> cluster, socketio::ClusterLink& link) {
    if (cluster_) throw std::logic_error("socket.io: this server is in a cluster already");
    shared_->adapter.require_not_started();
    cluster_ = std::move(cluster);
    shared_->adapter.use_cluster(link);
}

void SocketIo::use_display(std::unique_ptr<Extension> display, socketio::Observer& observer,
                           SessionMeter& meter) {
    if (display_) throw std::logic_error("socket.io: this server has an Admin UI already");
    shared_->adapter.require_not_started();
    display_ = std::move(display);
    meter_ = &meter;
    shared_->adapter.use_observer(observer);
}

void SocketIo::detach() noexcept {
    if (display_) display_->detach();
    if (cluster_) cluster_->detach();
    shared_->adapter.remove_servers();
    workers_.clear();
}

}  // namespace starling::server

namespace starling {

sio::Server& Server::socketio() { return socketio(sio::Options{}); }

sio::Server& Server::socketio(sio::Options options) {
    return state_->extend(std::make_unique<server::SocketIo>(std::move(options)));
}

}  // namespace starling
