// server/cluster/figures.h: what the first worker tells other threads about the cluster.
//
// Owner: ClusterExtension. Thread: written by the first worker, read by any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "cluster/claims.h"
#include "redis/errors.h"

namespace starling::server {

struct ClusterFigures {
    std::atomic<bool> connected{false};
    std::atomic<uint64_t> nodes{0}, sent{0}, received{0}, waiting{0}, dropped{0}, failed{0},
        refused{0}, incomplete{0}, losses{0}, bounced{0}, unread{0};
    std::array<std::atomic<uint64_t>, redis::error_kinds> errors{};
    std::array<std::atomic<uint64_t>, cluster::claim_ends> claims{};  // By their end.
    std::atomic<uint64_t> unsaved{0}, gaps{0}, repeats{0};
    std::atomic<bool> reads{false};  // Whatever comes into the stream from now on is read.
};

}  // namespace starling::server
