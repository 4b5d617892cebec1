// server/cluster/figures.h: what the first worker tells other threads about the cluster.
//
// Owner: ClusterExtension. Thread: written by the first worker, read by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace starling::server {

struct ClusterFigures {
    std::atomic<bool> connected{false};
    std::atomic<uint64_t> nodes{0}, sent{0}, received{0}, waiting{0}, dropped{0}, failed{0},
        refused{0}, incomplete{0}, losses{0};
};

}  // namespace starling::server
