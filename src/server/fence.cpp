#include "server/fence.h"

#include <memory>
#include <utility>

#include "server/nodes.h"
#include "server/worker.h"

namespace starling::server {

void after_fence(Worker& worker, std::function<void()> done) {
    Nodes* const nodes = worker.group().nodes;
    if (!nodes) return done();
    struct Wait {
        std::function<void()> done;
        net::TimerId timer = 0;
    };
    const auto wait = std::make_shared<Wait>(Wait{std::move(done)});
    nodes->fence([wait, &worker] {
        if (!wait->done) return;
        if (wait->timer) worker.loop().cancel_timer(wait->timer);
        std::exchange(wait->done, nullptr)();
    });
    if (!wait->done) return;
    wait->timer = worker.loop().after(fence_ms_max, [wait] {
        wait->timer = 0;
        if (wait->done) std::exchange(wait->done, nullptr)();
    });
}

}  // namespace starling::server
