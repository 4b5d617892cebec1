#include "server/cluster/cluster.h"

#include <stdexcept>
#include <utility>

#include "server/cluster/messages.h"
#include "server/cluster/node_ids.h"
#include "server/cluster/part.h"
#include "server/figures.h"
#include "server/history/redis_errors.h"
#include "server/nodes/refusal.h"
#include "server/nodes/settings.h"
#include "server/socketio/socketio.h"
#include "server/worker.h"

namespace starling::server {
namespace {

// The longest pause of the client "redis" before it connects again.
constexpr uint64_t node_js_pause_ms_max = 500;

cluster::Adapter adapter_of(sio::ClusterOptions::Mode mode) {
    switch (mode) {
        case sio::ClusterOptions::Mode::classic: return cluster::Adapter::classic;
        case sio::ClusterOptions::Mode::sharded: return cluster::Adapter::sharded;
        case sio::ClusterOptions::Mode::streams: break;
    }
    return cluster::Adapter::streams;
}

cluster::RoomChannels rooms_of(sio::ClusterOptions::Subscriptions mode) {
    switch (mode) {
        case sio::ClusterOptions::Subscriptions::fixed: return cluster::RoomChannels::none;
        case sio::ClusterOptions::Subscriptions::dynamic: return cluster::RoomChannels::named;
        case sio::ClusterOptions::Subscriptions::dynamic_private: break;
    }
    return cluster::RoomChannels::all;
}

// Null: no session is shared with Node.js.
std::unique_ptr<PeersLink> make_peers(const ClusterSettings& settings) {
    constexpr size_t id_digits = 16;  // Node.js has 6, and takes any text.
    if (settings.engine_prefix.empty()) return nullptr;
    return std::make_unique<PeersLink>(
        PeerSettings{.prefix = settings.engine_prefix,
                     .self = random_hex(id_digits),
                     .counts_receivers = settings.redis.url.mode != redis::Url::Mode::cluster,
                     .answer_ms_max = settings.engine_answer_ms_max,
                     .bytes_max = settings.node.outbox.bytes_max},
        random_seed());
}

}  // namespace

ClusterSettings cluster_settings(const sio::ClusterOptions& options) {
    using Mode = sio::ClusterOptions::Mode;
    const auto require = require_option;
    ClusterSettings settings;
    settings.redis = redis_options(options.url, options.ca_path);
    const bool redis_cluster = settings.redis.url.mode == redis::Url::Mode::cluster;
    require(
        !redis_cluster || options.mode != Mode::classic,
        "mode classic needs a single Redis: PUBLISH counts the receivers of one Redis node. Use "
        "sharded");
    require(!redis_cluster || options.mode != Mode::streams || options.stream_count == 1,
            "stream_count must be 1 with redis+cluster://");
    require(!options.key.empty(), "key must not be empty");
    require(options.request_timeout.count() > 0, "request_timeout must be above 0");
    require(options.queue_bytes_max > 0, "queue_bytes_max must be above 0");
    require(options.stream_count > 0 && options.stream_count <= 1000,
            "stream_count must be from 1 to 1000");
    require(options.stream_length_max > 0, "stream_length_max must be above 0");
    require(!options.stream_name.empty(), "stream_name must not be empty");
    require(!options.node_engine || !options.engine_prefix.empty(),
            "engine_prefix must not be empty");
    require(options.engine_response_timeout >= std::chrono::milliseconds(100) &&
                options.engine_response_timeout <= std::chrono::seconds(60),
            "engine_response_timeout must be from 100 ms to 60 s");

    // What waited in the node while Redis was away goes to the client at once, as longer commands.
    settings.redis.queue_bytes_max = 2 * options.queue_bytes_max;
    settings.stream_length_max = options.stream_length_max;
    settings.required = options.required;
    if (options.node_engine) settings.engine_prefix = options.engine_prefix;
    settings.engine_answer_ms_max = static_cast<uint64_t>(options.engine_response_timeout.count());
    auto& node = settings.node;
    node.request_timeout_ms = static_cast<uint64_t>(options.request_timeout.count());
    node.outbox.bytes_max = options.queue_bytes_max;
    // The nodes are counted on one shard; the others need a moment to hear their rooms on all.
    if (redis_cluster) node.outbox.settle_ms_min = node_js_pause_ms_max + 100;
    node.dialect = {.adapter = adapter_of(options.mode),
                    .key = options.key,
                    .pattern = options.subscribe_pattern,
                    .answer_to_asker = options.publish_on_specific_response_channel,
                    .room_channels = rooms_of(options.subscription_mode),
                    .stream = options.stream_name,
                    .streams = options.stream_count,
                    .sharded_channels = options.sharded_pubsub};
    return settings;
}

ClusterExtension::ClusterExtension(SocketIo& io, ClusterSettings settings)
    : io_(io), settings_(std::move(settings)), peers_(make_peers(settings_)) {}

bool ClusterExtension::ready() const noexcept {
    return !settings_.required || figures_.connected.load(std::memory_order_relaxed);
}

void ClusterExtension::add_figures(Figures& figures) const {
    const sio::ClusterStats now = stats();
    constexpr std::string_view messages = "starling_cluster_messages_total",
                               messages_help = "Messages between the nodes, by direction";
    figures.gauge("starling_cluster_connected", "1: Redis is there and every subscription stands",
                  now.connected ? 1 : 0);
    figures.gauge("starling_cluster_nodes", "Nodes of the cluster at the last count",
                  static_cast<double>(now.nodes));
    figures.counter(messages, messages_help, now.sent, label("direction", "out"));
    figures.counter(messages, messages_help, now.received, label("direction", "in"));
    figures.gauge("starling_cluster_queue_messages", "Messages that wait for Redis",
                  static_cast<double>(now.waiting));
    figures.counter("starling_messages_dropped_total", drops_help, now.dropped,
                    label("reason", "cluster_queue_full"));
    figures.counter("starling_cluster_failed_total",
                    "Messages that Redis refused or did not confirm", now.failed);
    figures.counter("starling_cluster_refused_total",
                    "Messages of other nodes that have no meaning", now.refused);
    figures.counter("starling_cluster_incomplete_total",
                    "Questions that some node has not answered in time", now.incomplete);
    figures.counter("starling_cluster_losses_total",
                    "Connections to Redis that were lost or did not come about", now.losses);
    figures.counter("starling_cluster_unread_total",
                    "Times that Redis did not let this node read a stream", now.unread);
    figures.counter("starling_cluster_bounced_total",
                    "Messages that Redis did not take at once, and got again", now.bounced);
    if (settings_.node.dialect.adapter == cluster::Adapter::streams) add_recovery(figures);
    add_redis_errors(figures, "socketio", figures_.errors);
}

void ClusterExtension::add_recovery(Figures& figures) const {
    for (size_t end = 0; end < cluster::claim_ends; ++end)
        figures.counter("starling_cluster_recoveries_total",
                        "Clients that asked for their session, by what became of it",
                        figures_.claims[end].load(std::memory_order_relaxed),
                        label("result", cluster::name_of(static_cast<cluster::ClaimEnd>(end))));
    figures.counter("starling_cluster_sessions_unsaved_total",
                    "Sessions that could not be saved in Redis", figures_.unsaved);
    figures.counter("starling_cluster_stream_gaps_total",
                    "Losses after which entries of a stream may be missing", figures_.gaps);
    figures.counter("starling_cluster_stream_repeats_total",
                    "Entries that were in a stream again after a failover, and were passed over",
                    figures_.repeats);
}

sio::ClusterStats ClusterExtension::stats() const {
    const auto errors = [this](auto... kinds) {
        return (figures_.errors[static_cast<size_t>(kinds)].load(std::memory_order_relaxed) + ...);
    };
    const auto ends = [this](auto... which) {
        return (figures_.claims[static_cast<size_t>(which)].load(std::memory_order_relaxed) + ...);
    };
    using cluster::ClaimEnd;
    using enum redis::ErrorKind;
    return {.connected = figures_.connected,
            .nodes = figures_.nodes,
            .sent = figures_.sent,
            .received = figures_.received,
            .waiting = figures_.waiting,
            .dropped = figures_.dropped,
            .failed = figures_.failed,
            .refused = figures_.refused,
            .incomplete = figures_.incomplete,
            .recovered = ends(ClaimEnd::restored),
            .not_recovered = ends(ClaimEnd::unknown, ClaimEnd::refused, ClaimEnd::malformed,
                                  ClaimEnd::too_old, ClaimEnd::late, ClaimEnd::away),
            .too_old = ends(ClaimEnd::too_old),
            .unsaved = figures_.unsaved,
            .gaps = figures_.gaps,
            .losses = figures_.losses,
            .bounced = figures_.bounced,
            .unread = figures_.unread,
            .errors = {.loading = errors(loading, master_down),
                       .out_of_memory = errors(out_of_memory),
                       .read_only = errors(read_only),
                       .no_permission = errors(no_permission, credentials),
                       .cluster_down = errors(cluster_down, try_again),
                       .cannot_write = errors(cannot_write),
                       .busy = errors(busy, clients_max),
                       .others = errors(other, unknown_command, moved, ask, cross_slot)},
            .not_recovered_by = {.no_session = ends(ClaimEnd::unknown),
                                 .refused = ends(ClaimEnd::refused),
                                 .malformed = ends(ClaimEnd::malformed),
                                 .too_old = ends(ClaimEnd::too_old),
                                 .late = ends(ClaimEnd::late),
                                 .away = ends(ClaimEnd::away)}};
}

socketio::RecoveryLink* ClusterExtension::recovery() noexcept {
    return settings_.node.dialect.adapter == cluster::Adapter::streams ? this : nullptr;
}

void ClusterExtension::attach(WorkerGroup& group) {
    const std::string refusal = refusal_of_redis(settings_.redis);
    if (!refusal.empty()) throw std::runtime_error("cluster: Redis refuses this node: " + refusal);
    worker_ = group.workers.front().get();
    auto part = std::make_unique<ClusterPart>(settings_, *worker_, io_.core(worker_->index()),
                                              figures_, peers_.get());
    part_ = part.get();
    worker_->add_part(std::move(part));
    if (peers_) peers_->attach(group, io_.engine());
}

template <class F>
void ClusterExtension::post(F&& call) noexcept {
    try {
        if (part_) worker_->post([part = part_, call = std::forward<F>(call)] { call(*part); });
    } catch (const std::bad_alloc&) {
        // The room is heard of too late, or not at all: the worst is a message that no one here gets.
    }
}

void ClusterExtension::send(std::shared_ptr<const socketio::Command> command) {
    if (part_ &&
        worker_->post_bounded(command->bytes(), [part = part_, command] { part->send(*command); }))
        return;
    if (command->request)
        command->origin->deliver_report(
            {.request = command->request, .first = true, .complete = false});
}

void ClusterExtension::publish(std::shared_ptr<const socketio::Command> event) {
    if (part_ &&
        worker_->post_bounded(event->bytes(), [part = part_, event] { part->publish(event); }))
        return;
    deliver_here(*event, io_.adapter());
}

void ClusterExtension::save_sessions(std::vector<socketio::SavedSession> sessions, bool left) {
    post([all = std::make_shared<std::vector<socketio::SavedSession>>(std::move(sessions)),
          left](ClusterPart& part) {
        if (auto* const recovery = part.recovery()) recovery->save(*all, left);
    });
}

void ClusterExtension::refresh_sessions(std::vector<SessionName> sessions) {
    post(
        [all = std::make_shared<std::vector<SessionName>>(std::move(sessions))](ClusterPart& part) {
            if (auto* const recovery = part.recovery()) recovery->refresh(*all);
        });
}

void ClusterExtension::forget_session(std::string pid) {
    post([pid = std::move(pid)](ClusterPart& part) {
        if (auto* const recovery = part.recovery()) recovery->forget(pid);
    });
}

void ClusterExtension::when_stored(size_t bytes, std::function<void(socketio::StreamId)> call) {
    part_ ? part_->when_stored(bytes, std::move(call)) : call({});
}

void ClusterExtension::when_read(socketio::StreamId id, size_t bytes, std::function<void()> call) {
    part_ ? part_->when_read(id, bytes, std::move(call)) : call();
}

uint32_t ClusterExtension::stream_of(std::string_view nsp) const {
    return cluster::stream_number(settings_.node.dialect.streams, nsp);
}

void ClusterExtension::claim_session(socketio::SessionClaim claim, Claimed done) {
    post([claim = std::move(claim), done = std::move(done)](ClusterPart& part) {
        part.claim_session(claim, done);
    });
}

void ClusterExtension::namespace_opened(const std::string& nsp,
                                        socketio::NamespaceSetup& setup) noexcept {
    post([nsp, setup = &setup](ClusterPart& part) { part.namespace_opened(nsp, setup); });
}

void ClusterExtension::namespace_closed(const std::string& nsp) noexcept {
    post([nsp](ClusterPart& part) { part.namespace_closed(nsp); });
}

void ClusterExtension::room_opened(const std::string& nsp, std::string_view room,
                                   bool of_one_socket) noexcept {
    post([nsp, room = std::string(room), of_one_socket](ClusterPart& part) {
        part.room_opened(nsp, room, of_one_socket);
    });
}

void ClusterExtension::room_closed(const std::string& nsp, std::string_view room) noexcept {
    post([nsp, room = std::string(room)](ClusterPart& part) { part.room_closed(nsp, room); });
}

}  // namespace starling::server

namespace starling::sio {

Cluster& join_cluster(Server& io, ClusterOptions options) {
    auto& server = dynamic_cast<server::SocketIo&>(io);
    auto joined =
        std::make_unique<server::ClusterExtension>(server, server::cluster_settings(options));
    server::ClusterExtension& cluster = *joined;
    server.use_cluster(std::move(joined), cluster.link());
    return cluster;
}

}  // namespace starling::sio
