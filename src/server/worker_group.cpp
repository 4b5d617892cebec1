#include "server/worker_group.h"

#include "server/worker.h"

namespace starling::server {

WorkerGroup::WorkerGroup(const Site& s) : site(s) {}

WorkerGroup::~WorkerGroup() = default;

Worker* WorkerGroup::here() const noexcept {
    for (const auto& worker : workers)
        if (worker->loop().in_loop_thread()) return worker.get();
    return nullptr;
}

}  // namespace starling::server
