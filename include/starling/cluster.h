// <starling/cluster.h>: many processes behave as one server, over Redis.
//
//     starling::Server server({.listen = ":3000"});
//     auto& io = server.socketio();
//     auto& cluster = starling::join_cluster(server, {.url = "redis://127.0.0.1:6379"});
//     ...
//     return server.run();
//
// starling::join_cluster() joins the whole server to the other nodes of starling: topics, channels, the
// gateway, and Socket.IO. sio::join_cluster() joins Socket.IO alone, to nodes that may be Node.js
// servers with one of the adapters of the socket.io project. A server needs one of the two.
//
// See docs/cluster.md for what reaches the other nodes, and what is guaranteed.
#pragma once

#include <starling/socketio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace starling::sio {

// ---- Socket.IO alone ------------------------------------------------------------------------------

struct ClusterOptions {
    // redis:// (TCP), rediss:// (TLS), redis+unix://, redis+sentinel://, redis+cluster://; see
    // docs/cluster-redis.md.
    std::string url = "redis://127.0.0.1:6379";
    std::string ca_path = {};  // Of rediss://: PEM; "": the system's certificates.

    // All nodes of a cluster use the same adapter.
    enum class Mode : uint8_t {
        classic,  // @socket.io/redis-adapter, createAdapter; redis-emitter.
        sharded,  // @socket.io/redis-adapter, createShardedAdapter. Redis 7.
        streams,  // @socket.io/redis-streams-adapter.
    };
    Mode mode = Mode::classic;
    // The start of all channels: the option `key` of classic, `channelPrefix` of the others.
    std::string key = "socket.io";
    // How long fetch_sockets() waits for the other nodes. The others wait as long as their own
    // timeout says. What came until then is the answer. A node that was silent is waited for 100 ms
    // by the next questions, until it answers one of them.
    std::chrono::milliseconds request_timeout{1000};
    // Messages that wait while Redis is away, in bytes of their channels and bodies; the oldest are
    // dropped and counted. As much again may wait for a Redis that is there and does not answer.
    // Not bounded by it: rooms and namespaces that this node has.
    size_t queue_bytes_max = 16u << 20;
    // Cluster::ready() is false while Redis is away.
    bool required = false;

    // classic: hear all rooms by one pattern, as Node.js does. False: subscribe to the channel of each
    // room that has members here. Emits to one room then reach only the nodes that hold the room.
    bool subscribe_pattern = true;
    // classic: publishOnSpecificResponseChannel.
    bool publish_on_specific_response_channel = false;

    // sharded: subscriptionMode. Which rooms have a channel of their own.
    enum class Subscriptions : uint8_t {
        fixed,           // "static": none
        dynamic,         // "dynamic": each room but those of single sockets
        dynamic_private  // "dynamic-private": each room
    };
    Subscriptions subscription_mode = Subscriptions::dynamic;

    // streams: streamName, streamCount, maxLen, useShardedPubSub.
    std::string stream_name = "socket.io";
    uint32_t stream_count = 1;
    uint64_t stream_length_max = 10'000;
    bool sharded_pubsub = false;

    // Share sessions of Engine.IO, revision 4, with nodes that have RedisEngine of
    // @socket.io/cluster-engine: a polling request or an upgrade that reaches another node than the one
    // that owns its session is served through the owner. No balancer needs to be sticky then. See
    // docs/cluster-engine.md for what it costs. The same on all nodes.
    bool node_engine = false;
    std::string engine_prefix = "engine.io";  // channelPrefix of RedisEngine.
    // responseTimeout of RedisEngine: how long a request waits until the owner of its session has
    // answered. Then it gets 400, and the session stays with its owner. From 100 ms to 60 s.
    std::chrono::milliseconds engine_response_timeout{1000};
};

// How often Redis answered a message or a subscription with an error.
struct RedisErrors {
    uint64_t loading = 0;        // LOADING, MASTERDOWN
    uint64_t out_of_memory = 0;  // OOM
    uint64_t read_only = 0;      // READONLY
    uint64_t no_permission = 0;  // NOPERM, NOAUTH, WRONGPASS
    uint64_t cluster_down = 0;   // CLUSTERDOWN, TRYAGAIN
    uint64_t cannot_write = 0;   // MISCONF, NOREPLICAS
    uint64_t busy = 0;           // BUSY, and too many clients
    uint64_t others = 0;         // Also lost connections, while an answer was due.
};

// Why clients that asked for their session began anew.
struct NotRecovered {
    uint64_t no_session = 0;  // Too late, taken already, or left by the client itself.
    uint64_t refused = 0;     // The client's pid or offset has no possible form.
    uint64_t malformed = 0;   // What Redis holds is no session of this namespace.
    uint64_t too_old = 0;     // The stream no longer holds what the client missed.
    uint64_t late = 0;        // Redis did not answer in time.
    uint64_t away = 0;        // Redis is away.
};

// Counters since the start.
struct ClusterStats {
    bool connected = false;           // Redis is there, and every subscription is confirmed.
    uint64_t nodes = 0;               // At the last count, this one included. 0: not counted yet.
    uint64_t sent = 0, received = 0;  // Messages.
    uint64_t waiting = 0;             // Messages that wait for Redis.
    uint64_t dropped = 0;             // Of those, the ones that did not fit.
    uint64_t failed = 0;              // Messages that Redis refused, or did not confirm.
    uint64_t refused = 0;             // Messages of others without a meaning.
    uint64_t incomplete = 0;          // Questions that not every node has answered in time.
    // streams with connection_state_recovery: clients that came back and missed nothing; clients that
    // asked for their session and began anew, and of those the ones whose offset the stream no longer
    // held; sessions that could not be saved; losses after which entries of a stream may be missing.
    uint64_t recovered = 0, not_recovered = 0, too_old = 0, unsaved = 0, gaps = 0;
    uint64_t losses = 0;   // Connections to Redis that were lost or did not come about.
    uint64_t bounced = 0;  // Messages that Redis did not take at once, and got again.
    uint64_t unread = 0;   // streams: times that Redis did not let this node read.
    RedisErrors errors = {};
    NotRecovered not_recovered_by = {};
};

// Owned by the server. Any thread.
class Cluster {
public:
    // False: Redis is away, and ClusterOptions::required.
    [[nodiscard]] virtual bool ready() const noexcept = 0;
    [[nodiscard]] virtual ClusterStats stats() const = 0;

protected:
    ~Cluster() = default;
};

// Emits, joins, leaves, disconnects, fetch_sockets(), broadcasts with ack and server_side_emit() reach
// the sockets and servers of all nodes from now on, unless they are local().
//
// Before the server starts. Throws std::invalid_argument for wrong options, and std::logic_error when
// called again for the same Socket.IO server. Server::start() throws std::runtime_error if Redis
// refuses the user or the password; if Redis is away, the server starts and tries again.
Cluster& join_cluster(Server& io, ClusterOptions options);

}  // namespace starling::sio

namespace starling {

class Server;  // Defined in <starling/server.h>.

// ---- The whole server -----------------------------------------------------------------------------

struct ClusterOptions {
    // As those of sio::ClusterOptions.
    std::string url = "redis://127.0.0.1:6379";
    std::string ca_path = {};

    // How Socket.IO reaches the other nodes; the same on all of them.
    enum class Mode : uint8_t {
        // As everything else does. The other nodes are starling. A server with
        // connection_state_recovery has a stream in Redis, and clients recover at any node.
        native,
        classic,  // These three: sio::ClusterOptions::Mode. The other nodes may be Node.js.
        sharded,
        streams,
    };
    Mode mode = Mode::native;
    // Of the adapter. Its url, ca_path, mode, request_timeout, queue_bytes_max and required are those
    // of this struct. In the mode native only stream_length_max counts.
    sio::ClusterOptions socketio = {};

    // The start of the names of all channels in Redis. Nodes with another prefix are another cluster.
    std::string prefix = "starling";
    // The nodes know rooms by a hash with this key, so that a client cannot compute names with the same
    // hash, which would cost messages in vain. The same on all nodes; "": made from the prefix.
    std::string secret = {};
    // For people and logs; at most 64 bytes. "": host and process id.
    std::string name = {};
    // Nodes tell each other that they are there. With 1 all tell all; above about 128 nodes, set a
    // group for every 32 nodes, the same number on all nodes.
    uint32_t groups = 1;

    // How long a question, such as fetch_sockets(), waits for a node that is there. A node that is
    // silent for 750 ms is away, and nobody waits for it.
    std::chrono::milliseconds request_timeout{1000};
    // What waits for other nodes or for Redis, or is not confirmed, in bytes of encoded messages.
    // One node gets half of it at most. The oldest messages are dropped and counted, and their
    // receiver is told of the gap. Not bounded by it: 16 MiB that arrived before what precedes
    // them, 32 MiB for a Redis that does not take bytes, and the room table (4,000,000 pairs of a
    // room and a node). A node knows 1,024 others; a message has 16 MiB and 16,384 rooms at most,
    // and 10,000 questions may be open: beyond, a call fails and is counted in
    // ClusterStats::failed.
    size_t queue_bytes_max = 64u << 20;
    // Cluster::ready() is false while Redis is away, and at the start until this node has heard the
    // nodes that are there: 250 ms after its own first message has come back from Redis.
    bool required = false;
};

// Counters since the start, and what is now.
struct ClusterStats {
    bool connected = false;           // Redis is there, and every subscription is confirmed.
    uint64_t nodes = 1, away = 0;     // Nodes that are there, this one included; that are silent.
    uint64_t sent = 0, received = 0;  // Messages to a node; messages of Redis.
    uint64_t queued_bytes = 0;        // Waiting, or not confirmed by their receivers.
    uint64_t dropped = 0;             // Publications that did not fit, or whose node was forgotten.
    uint64_t resent = 0;              // Messages that were sent again.
    uint64_t gaps = 0;                // Times that publications of another node were lost,
    uint64_t lost = 0;                // and how many, as far as that is known.
    uint64_t failed = 0;              // Messages that Redis refused, or that were over a limit.
    uint64_t refused = 0;             // Messages of others without a meaning.
    uint64_t impostors = 0;           // Messages of another process with this node's id.
    uint64_t incomplete = 0;          // Questions that not every node has answered in time.
    uint64_t losses = 0;              // Connections to Redis that were lost or did not come about.
    // connection_state_recovery in the modes native and streams, over all Socket.IO servers, as in
    // sio::ClusterStats. `stream_gaps`: its `gaps`.
    uint64_t recovered = 0, not_recovered = 0, unsaved = 0, stream_gaps = 0;
    sio::NotRecovered not_recovered_by = {};
};

// Another node. The id is random; a process that starts again has another one.
struct ClusterNode {
    uint64_t id = 0;
    std::string name = {};
    bool is_away = false;
};

// Owned by the server. Any thread.
class Cluster {
public:
    // False: Redis is away, or the other nodes are not heard yet, and ClusterOptions::required.
    [[nodiscard]] virtual bool ready() const noexcept = 0;
    [[nodiscard]] virtual ClusterStats stats() const = 0;
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;  // Of this node.
    [[nodiscard]] virtual std::vector<ClusterNode> nodes() const = 0;    // The others.
    // In a handler that has let a client join a room, topic or channel: when `done` runs, every node
    // that is there sends to this one what it publishes there from now on. So `done` may tell the
    // client that the join is complete.
    //
    // Promised: what such a node publishes after `done` has run comes to the members here, once and
    // in its order, or ClusterStats::gaps says that it was lost (queue_bytes_max).
    // Not promised: what was published before `done`; what a node publishes that is away or cut
    // off, or that a partition hides, until it is back and knows of the join; that the client gets
    // it, whose connection may break.
    //
    // `done` runs once, on the calling worker, or on the first one if the caller is none: after 10
    // ms and twice the way to Redis, on an idle machine; at once if the room was held here before;
    // while Redis is away, when it is back, however long that takes. Beyond 65,536 calls that wait
    // it runs soon, without the promise. Before start() and after the end it is dropped. Not for
    // Socket.IO in another mode than native: there the adapters of Node.js promise nothing.
    virtual void after_joins(std::function<void()> done) = 0;

protected:
    ~Cluster() = default;
};

// Joins everything that the server has when it starts. A Socket.IO server for which
// sio::join_cluster() was called keeps that. Throws as sio::join_cluster() does.
Cluster& join_cluster(Server& server, ClusterOptions options);

}  // namespace starling
