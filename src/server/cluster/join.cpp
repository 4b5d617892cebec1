#include "server/cluster/join.h"

#include <algorithm>
#include <utility>

#include "server/figures.h"
#include "server/socketio/socketio.h"
#include "server/state.h"
#include "server/worker.h"

namespace starling::server {
namespace {

constexpr size_t stream_waits_max = 65'536;  // Of one worker.
constexpr uint64_t stream_wait_ms = 10;      // Between two looks at a stream that is not read yet.

sio::ClusterOptions::Mode adapter_of(ClusterOptions::Mode mode) {
    switch (mode) {
        case ClusterOptions::Mode::sharded: return sio::ClusterOptions::Mode::sharded;
        case ClusterOptions::Mode::streams: return sio::ClusterOptions::Mode::streams;
        default: return sio::ClusterOptions::Mode::classic;
    }
}

sio::ClusterOptions with_common(sio::ClusterOptions adapter, const ClusterOptions& options) {
    adapter.url = options.url;
    adapter.ca_path = options.ca_path;
    adapter.request_timeout = options.request_timeout;
    adapter.queue_bytes_max = options.queue_bytes_max;
    adapter.required = options.required;
    return adapter;
}

// Null: Socket.IO uses the nodes.
std::unique_ptr<ClusterSettings> adapter_settings(const ClusterOptions& options) {
    if (options.mode == ClusterOptions::Mode::native) return nullptr;
    sio::ClusterOptions adapter = with_common(options.socketio, options);
    adapter.mode = adapter_of(options.mode);
    return std::make_unique<ClusterSettings>(cluster_settings(adapter));
}

// The streams of nodes with another secret have another name.
std::string stream_key(const NodesSettings& nodes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string key = nodes.prefix + ":socketio:";
    for (int shift = 12; shift >= 0; shift -= 4)
        key.push_back(digits[nodes.node.settings_check >> shift & 15]);
    return key;
}

// The stream of a Socket.IO server with recovery in the mode native.
ClusterSettings stream_settings(const ClusterOptions& options) {
    const std::string key = stream_key(nodes_settings(options));
    ClusterSettings settings =
        cluster_settings(with_common({.mode = sio::ClusterOptions::Mode::streams,
                                      .key = key,
                                      .stream_name = key + ":events",
                                      .stream_length_max = options.socketio.stream_length_max},
                                     options));
    settings.sessions = key + ":session:";
    settings.foreign_sessions = false;
    settings.append_once = true;
    // No message goes to the channels of the adapter, so that nobody has to hear it.
    settings.node.outbox.settle_ms_max = 0;
    return settings;
}

// Two Socket.IO servers of one program are two clusters. At the usual path the names are those of
// Node.js; another server there has the same ones if its key is "<key><path>".
ClusterSettings settings_at(const std::string& path, ClusterSettings settings) {
    if (path == usual_path) return settings;
    settings.sessions += path;
    settings.node.dialect.key += path;
    settings.node.dialect.stream += path;
    if (!settings.engine_prefix.empty()) settings.engine_prefix += path;
    return settings;
}

}  // namespace

JoinedCluster::JoinedCluster(ClusterOptions options)
    : required_(options.required),
      request_timeout_ms_(static_cast<uint64_t>(options.request_timeout.count())),
      nodes_(nodes_settings(options)),
      socketio_(nodes_),
      adapter_(adapter_settings(options)),
      stream_(stream_settings(options)) {
    if (!adapter_) nodes_.add(Nodes::Kind::socketio, socketio_);
}

bool JoinedCluster::ready() const noexcept {
    return !required_ ||
           (nodes_.is_connected() && nodes_.has_met_others() &&
            std::ranges::all_of(adapters_, [](const auto* each) { return each->ready(); }) &&
            (adapter_ || streams_are_read()));
}

ClusterStats JoinedCluster::stats() const {
    ClusterStats all = nodes_.stats();
    for (const auto* const each : adapters_) {
        const sio::ClusterStats one = each->stats();
        all.recovered += one.recovered;
        all.not_recovered += one.not_recovered;
        all.unsaved += one.unsaved;
        all.stream_gaps += one.gaps;
        all.not_recovered_by.no_session += one.not_recovered_by.no_session;
        all.not_recovered_by.refused += one.not_recovered_by.refused;
        all.not_recovered_by.malformed += one.not_recovered_by.malformed;
        all.not_recovered_by.too_old += one.not_recovered_by.too_old;
        all.not_recovered_by.late += one.not_recovered_by.late;
        all.not_recovered_by.away += one.not_recovered_by.away;
    }
    return all;
}

void JoinedCluster::after_joins(std::function<void()> done) {
    if (adapter_ || adapters_.empty()) return nodes_.fence(std::move(done));
    nodes_.fence([this, done = std::move(done)]() mutable { when_streams_are_read(done); });
}

bool JoinedCluster::streams_are_read() const noexcept {
    return std::ranges::all_of(adapters_, [](const auto* each) { return each->reads(); });
}

// A node that has just started reads its stream a moment later than it hears the other nodes.
void JoinedCluster::when_streams_are_read(std::function<void()> done) {
    Worker* const here = group_ ? group_->here() : nullptr;
    if (streams_are_read() || !here) return done();
    StreamWait& wait = stream_waits_.at(here->index());
    if (wait.calls.size() >= stream_waits_max) return done();
    wait.calls.push_back(std::move(done));
    if (!std::exchange(wait.has_timer, true)) look_at_streams(*here);
}

void JoinedCluster::look_at_streams(Worker& worker) {
    worker.loop().after(stream_wait_ms, [this, &worker] {
        if (!streams_are_read()) return look_at_streams(worker);
        StreamWait& wait = stream_waits_.at(worker.index());
        wait.has_timer = false;
        for (const auto& done : std::exchange(wait.calls, {})) done();
    });
}

void JoinedCluster::attach(WorkerGroup& group) {
    group_ = &group;
    stream_waits_.resize(group.workers.size());
    nodes_.attach(group);
    for (Extension* const extension : group.extensions)
        if (auto* const io = dynamic_cast<SocketIo*>(extension); io && !io->is_in_cluster())
            join(*io);
}

void JoinedCluster::join(SocketIo& io) {
    if (!adapter_) {
        std::unique_ptr<ClusterExtension> stream;
        if (io.adapter().history())
            stream =
                std::make_unique<ClusterExtension>(io, settings_at(io.options().path, stream_));
        if (stream) adapters_.push_back(stream.get());
        auto joined =
            std::make_unique<NativeLink>(io, nodes_, request_timeout_ms_, std::move(stream));
        NativeLink& link = *joined;
        io.use_cluster(std::move(joined), link);
        return socketio_.add(link);
    }
    auto joined = std::make_unique<ClusterExtension>(io, settings_at(io.options().path, *adapter_));
    ClusterExtension& cluster = *joined;
    io.use_cluster(std::move(joined), cluster.link());
    adapters_.push_back(&cluster);
}

void JoinedCluster::add_figures(Figures& figures) const {
    const ClusterStats now = stats();
    constexpr std::string_view messages = "starling_nodes_messages_total",
                               messages_help = "Messages between nodes of starling, by direction",
                               nodes_help = "Nodes of starling, this one included, by state";
    figures.gauge("starling_nodes_connected", "1: Redis is there and every subscription stands",
                  now.connected ? 1 : 0);
    figures.gauge("starling_nodes", nodes_help, static_cast<double>(now.nodes),
                  label("state", "here"));
    figures.gauge("starling_nodes", nodes_help, static_cast<double>(now.away),
                  label("state", "away"));
    figures.counter(messages, messages_help, now.sent, label("direction", "out"));
    figures.counter(messages, messages_help, now.received, label("direction", "in"));
    figures.gauge("starling_nodes_queue_bytes", "What waits, or is not confirmed by its receivers",
                  static_cast<double>(now.queued_bytes));
    figures.counter("starling_messages_dropped_total", drops_help, now.dropped,
                    label("reason", "nodes_queue_full"));
    figures.counter("starling_nodes_lost_total",
                    "Publications of other nodes that will never come, as far as known", now.lost);
    figures.counter("starling_nodes_gaps_total",
                    "Times that publications of another node were missing", now.gaps);
    figures.counter("starling_nodes_failed_total",
                    "Messages that Redis refused, or that were over a limit", now.failed);
    figures.counter("starling_nodes_refused_total", "Messages of other nodes that have no meaning",
                    now.refused);
    figures.counter("starling_nodes_incomplete_total",
                    "Questions that some node has not answered in time", now.incomplete);
    figures.counter("starling_nodes_losses_total",
                    "Connections to Redis that were lost or did not come about", now.losses);
}

}  // namespace starling::server

namespace starling {

Cluster& join_cluster(Server& server, ClusterOptions options) {
    auto joined = std::make_unique<server::JoinedCluster>(std::move(options));
    server::JoinedCluster& cluster = *joined;
    use_nodes(server, std::move(joined), cluster.own_nodes());
    return cluster;
}

}  // namespace starling
