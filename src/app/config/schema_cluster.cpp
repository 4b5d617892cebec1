// app/config/schema_cluster.cpp: the keys of the cluster.
#include "app/config/checks.h"
#include "app/config/schema.h"

namespace starling::app {
namespace {

constexpr Row rows[] = {
    {.key = "cluster.url",
     .slot = [](Settings& s) -> Slot { return &s.cluster.url; },
     .secret = true,
     .help = "the Redis of the [cluster](cluster.md): `redis://127.0.0.1:6379`; empty: no cluster"},
    {.key = "cluster.ca_path",
     .slot = [](Settings& s) -> Slot { return &s.cluster.ca_path; },
     .path = true,
     .help = "file of the authorities, PEM, for `rediss://`; empty: those of the system"},
    {.key = "cluster.mode",
     .slot = [](Settings& s) -> Slot { return &s.cluster_mode; },
     .check = check_cluster_mode,
     .help = "how Socket.IO reaches the other nodes, the same on all: `native`, as all else does; "
             "`classic`, `sharded` or `streams`, which Node.js understands"},
    {.key = "cluster.prefix",
     .slot = [](Settings& s) -> Slot { return &s.cluster.prefix; },
     .help =
         "beginning of the names of channels between nodes of starling; another prefix is another "
         "cluster"},
    {.key = "cluster.secret",
     .slot = [](Settings& s) -> Slot { return &s.cluster.secret; },
     .secret = true,
     .help = "key of the hashes by which nodes know rooms, the same on all; empty: made from the "
             "prefix"},
    {.key = "cluster.name",
     .slot = [](Settings& s) -> Slot { return &s.cluster.name; },
     .help = "name of this node in logs; empty: host and process id"},
    {.key = "cluster.groups",
     .slot = [](Settings& s) -> Slot { return &s.cluster.groups; },
     .min = 1,
     .max = 1024,
     .help = "above about 128 nodes: one for every 32 nodes, the same on all"},
    {.key = "cluster.key",
     .slot = [](Settings& s) -> Slot { return &s.cluster.socketio.key; },
     .help =
         "modes of Node.js: beginning of the names of channels, `key` or `channelPrefix` there"},
    {.key = "cluster.request_timeout_s",
     .slot = [](Settings& s) -> Slot { return &s.cluster.request_timeout; },
     .min = tenth_ms,
     .max = 10'000,
     .help = "how long a question to other nodes waits for those that are there"},
    {.key = "cluster.queue_bytes_max",
     .slot = [](Settings& s) -> Slot { return &s.cluster.queue_bytes_max; },
     .min = kibi,
     .max = gibi,
     .help = "messages that wait for other nodes or for Redis; the oldest are dropped"},
    {.key = "cluster.required",
     .slot = [](Settings& s) -> Slot { return &s.cluster.required; },
     .help =
         "`/readyz` answers 503 while Redis is away, and at the start until the other nodes are "
         "heard"},
    {.key = "cluster.subscribe_pattern",
     .slot = [](Settings& s) -> Slot { return &s.cluster.socketio.subscribe_pattern; },
     .help = "`classic`: hear all rooms by one pattern; `false`: subscribe to each room here"},
    {.key = "cluster.publish_on_specific_response_channel",
     .slot = [](Settings& s) -> Slot {
         return &s.cluster.socketio.publish_on_specific_response_channel;
     },
     .help = "`classic`: answer only the node that asked"},
    {.key = "cluster.subscription_mode",
     .slot = [](Settings& s) -> Slot { return &s.cluster_subscriptions; },
     .check = check_cluster_subscriptions,
     .help = "`sharded`: `static`, `dynamic` or `dynamic-private`, the same on all nodes"},
    {.key = "cluster.stream_name",
     .slot = [](Settings& s) -> Slot { return &s.cluster.socketio.stream_name; },
     .help = "`streams`: name of the stream"},
    {.key = "cluster.stream_count",
     .slot = [](Settings& s) -> Slot { return &s.cluster.socketio.stream_count; },
     .min = 1,
     .max = 1000,
     .help = "`streams`: number of streams"},
    {.key = "cluster.stream_length_max",
     .slot = [](Settings& s) -> Slot { return &s.cluster.socketio.stream_length_max; },
     .min = 1,
     .max = gibi,
     .help = "`streams`, and `native` with recovery: about so many entries are kept"},
    {.key = "cluster.sharded_pubsub",
     .slot = [](Settings& s) -> Slot { return &s.cluster.socketio.sharded_pubsub; },
     .help = "`streams`: questions go by SPUBLISH"},
    {.key = "cluster.node_engine",
     .slot = [](Settings& s) -> Slot { return &s.cluster.socketio.node_engine; },
     .help =
         "modes of Node.js: [share sessions](cluster-engine.md) with nodes that have "
         "`RedisEngine` of `@socket.io/cluster-engine`, so that no balancer needs to be sticky"},
    {.key = "cluster.engine_prefix",
     .slot = [](Settings& s) -> Slot { return &s.cluster.socketio.engine_prefix; },
     .help = "with `node_engine`: beginning of the names of its channels, `channelPrefix` there"},
    {.key = "cluster.engine_response_timeout_s",
     .slot = [](Settings& s) -> Slot { return &s.cluster.socketio.engine_response_timeout; },
     .min = tenth_ms,
     .max = 60'000,
     .help =
         "with `node_engine`: how long a request waits for the answer of the node that owns its "
         "session, `responseTimeout` there"},
};

}  // namespace

std::span<const Row> cluster_rows() noexcept { return rows; }

}  // namespace starling::app
