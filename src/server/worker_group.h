// server/worker_group.h: what the workers of a server share, and the one way to reach all of them.
//
// Owner: Server. Thread: built before the workers run. Then any thread may use the atomics,
//        `subscriber_counts`, `log`, here() and post_all(), which server/worker.h defines.
#pragma once

#include <starling/io.h>
#include <starling/log.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/cache_line.h"
#include "base/replaceable.h"
#include "peer/address_set.h"
#include "server/shared_limits.h"
#include "server/subscriber_counts.h"

namespace starling::server {

class ClusterTopics;
class Extension;
class Nodes;
struct Site;
class Worker;

// How far a drain is. `closing`: since then connections are told to go.
enum class DrainPhase : uint8_t { none, announced, closing };

[[nodiscard]] uint64_t steady_ms() noexcept;

struct WorkerGroup {
    explicit WorkerGroup(const Site& s);
    ~WorkerGroup();

    // Runs `call` on the thread of every worker except `except` (null: on all), in the order of
    // this thread's posts. The call holds `bytes` until it has run. If too many bytes wait for a
    // worker (Worker::post_bounded), that worker does not get the call: it counts the loss, and
    // `dropped` runs on this thread. Any thread.
    template <class Call, class Dropped>
    void post_all(size_t bytes, const Worker* except, const Call& call, const Dropped& dropped);
    template <class Call>
    void post_all(size_t bytes, const Worker* except, const Call& call) {
        post_all(bytes, except, call, [](Worker&) {});
    }
    // The worker of the calling thread; null on other threads.
    [[nodiscard]] Worker* here() const noexcept;

    const Site& site;
    SubscriberCounts subscriber_counts;
    std::shared_ptr<log::Sink> log;
    uint64_t connections_max = 0;
    // A worker gives a connection that it accepted to another worker that has clearly fewer.
    bool places_connections = false;
    Io io = Io::automatic;  // Once the server is bound: what the workers use.
    base::Replaceable<const peer::AddressSet> trusted_proxies{
        std::make_unique<const peer::AddressSet>()};
    std::unique_ptr<SharedLimits> limits;  // Null until the server starts.
    // Written for each connection that comes or goes; no message reads what is on its cache line.
    alignas(base::cache_line_bytes) std::atomic<uint64_t> connections{0};
    alignas(base::cache_line_bytes) std::atomic<bool> stopping{false};
    std::atomic<bool> handed_over{false};  // A successor has the listeners.
    std::atomic<DrainPhase> drain{DrainPhase::none};
    std::atomic<uint64_t> drain_started_with{0};  // Connections.
    std::atomic<uint64_t> drain_ends_ms{0};       // By steady_ms().
    // The cluster that this process has joined; null: none. Set before the workers run.
    Nodes* nodes = nullptr;
    ClusterTopics* topics = nullptr;  // Of the cluster. Null: no cluster.
    // Notified when the server stops. They live longer than the group.
    std::vector<Extension*> extensions;
    std::vector<std::unique_ptr<Worker>> workers;
};

}  // namespace starling::server
