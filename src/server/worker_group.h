// server/worker_group.h: what the workers of a server have in common, and the one way to reach all of
// them.
//
// Owner: Server. Thread: built before the workers run; then any thread, for the atomics,
// `subscriber_counts`, `log`, here() and post_all(), which server/worker.h defines.
#pragma once

#include <starling/log.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/subscriber_counts.h"

namespace starling::server {

class Extension;
struct Site;
class Worker;

struct WorkerGroup {
    explicit WorkerGroup(const Site& s);
    ~WorkerGroup();

    // Runs `call` on the thread of every worker but `except` (null: on all of them), in the order of
    // the posts of this thread. `bytes` is what the call holds until it has run. A worker that has too
    // many bytes on their way to it (Worker::post_bounded) does not get the call: the loss is counted
    // there, and `dropped` runs on this thread. Any thread.
    template <class Call, class Dropped>
    void post_all(size_t bytes, const Worker* except, const Call& call, const Dropped& dropped);
    template <class Call>
    void post_all(size_t bytes, const Worker* except, const Call& call) {
        post_all(bytes, except, call, [](Worker&) {});
    }
    // The worker whose thread this is; null on any other thread.
    [[nodiscard]] Worker* here() const noexcept;

    const Site& site;
    SubscriberCounts subscriber_counts;
    std::shared_ptr<log::Sink> log;
    uint64_t connections_max = 0;
    std::atomic<uint64_t> connections{0};
    std::atomic<bool> stopping{false};
    std::vector<Extension*> extensions;  // Told when the server stops. They outlive the group.
    std::vector<std::unique_ptr<Worker>> workers;
};

}  // namespace starling::server
