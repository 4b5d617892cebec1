// <starling/cluster.h>: many processes behave as one Socket.IO server, over Redis. The other nodes may
// be Node.js servers with one of the adapters of the socket.io project.
//
//     starling::Server server({.listen = ":3000"});
//     auto& io = server.socketio();
//     auto& cluster = sio::join_cluster(io, {.url = "redis://127.0.0.1:6379"});
//     ...
//     return server.run();
//
// From then on emits, joins, leaves, disconnects, fetch_sockets(), broadcasts with ack and
// server_side_emit() reach the sockets and servers of all nodes, unless they are local(). See
// docs/cluster.md for what is guaranteed.
#pragma once

#include <starling/socketio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace starling::sio {

struct ClusterOptions {
    // redis:// (TCP), rediss:// (TLS), redis+unix://, redis+sentinel://, redis+cluster://; see
    // docs/cluster.md.
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
    // timeout says. What came until then is the answer.
    std::chrono::milliseconds request_timeout{5000};
    // Messages that wait while Redis is away; the oldest are dropped and counted.
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
    uint64_t losses = 0;              // Connections to Redis that were lost or did not come about.
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

// Before the server starts. Throws std::invalid_argument for wrong options, and std::logic_error when
// called again for the same Socket.IO server. Server::start() throws std::runtime_error if Redis
// refuses the user or the password; if Redis is away, the server starts and tries again.
Cluster& join_cluster(Server& io, ClusterOptions options);

}  // namespace starling::sio
