// server/fence.h: waits until the other nodes of the cluster know the rooms that were joined here, but
// not for ever: while Redis is away, Nodes::fence() waits until it is back.
//
// Owner: the worker's loop. Thread: the worker's.
#pragma once

#include <cstdint>
#include <functional>

namespace starling::server {

class Worker;

inline constexpr uint64_t fence_ms_max = 1000;

// Runs `done` once on the worker's thread: when every node that is there sends to this one what it
// publishes to the rooms that were joined before, and after fence_ms_max at the latest. At once
// without a cluster. If the worker ends before, `done` is dropped.
void after_fence(Worker& worker, std::function<void()> done);

}  // namespace starling::server
