// server/nodes/figures.h: what the first worker tells other threads about the nodes of the cluster.
//
// Owner: RedisNodes. Thread: written by the first worker, read by any.
#pragma once

#include <starling/cluster.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace starling::server {

struct NodesFigures {
    std::atomic<bool> connected{false}, has_met_others{false};
    std::atomic<uint64_t> away{0}, sent{0}, received{0}, queued_bytes{0}, dropped{0}, resent{0},
        gaps{0}, lost{0}, refused{0}, impostors{0}, other_settings{0}, incomplete{0}, failed{0},
        losses{0};
    mutable std::mutex mutex;
    std::vector<ClusterNode> nodes;  // The others. Under the mutex.
};

}  // namespace starling::server
