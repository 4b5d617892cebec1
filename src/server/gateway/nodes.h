// server/gateway/nodes.h: the gateways of a cluster. A request of the control API goes to the nodes
// whose connections it may concern: the id of a connection names its node, a publication goes to the
// nodes that hold the topic, everything else goes to all. Each node carries the request out on its own
// connections and says how many there were.
//
// Owner: Gateway. Lives longer than the workers. Thread: the functions of Nodes::Member on the first
// worker's; the others on any worker's.
#pragma once

#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "server/gateway/control_work.h"
#include "server/gateway/log.h"
#include "server/nodes.h"
#include "server/refusals.h"
#include "webhook/relay.h"

namespace starling::server {

class Gateway;
class GatewayPart;
struct WorkerGroup;

class GatewayNodes final : public Nodes::Member {
public:
    // `group` has Nodes.
    GatewayNodes(Gateway& gateway, WorkerGroup& group);

    // The other nodes that the request may concern; nothing: none.
    [[nodiscard]] std::optional<Nodes::Target> target_of(const ControlRequest& request) const;
    // ControlWork::spread() on all nodes. Null `done`: an action of the application, whose result
    // nobody waits for.
    void spread(GatewayPart& here, ControlRequest request, ControlWork::Done done);
    // Asks other nodes for the next connections of the list. `answer` for each node that answers,
    // then `done`, both on the calling worker.
    void ask_page(const Nodes::Target& target, const webhook::PageRequest& request,
                  std::function<void(Nodes::Id, webhook::Page)> answer,
                  std::function<void(size_t missing)> done);

    void on_publication(const Nodes::Incoming& publication) override;
    void on_question(const Nodes::Incoming& question) override;
    void on_node(Nodes::Id node, std::string_view name, Nodes::Change change) override;

private:
    void carry_out(GatewayPart& here, ControlRequest request, GatewayLog::By by,
                   ControlWork::Done done);
    void refuse();

    Gateway& gateway_;
    WorkerGroup& group_;
    Nodes& nodes_;
    Refusals refused_;
    mutable std::mutex mutex_;
    std::vector<Nodes::Id> others_;  // Guarded by mutex_. Those that are away are among them.
};

// Carries out the request on all workers of all nodes of the cluster; without a cluster, as
// ControlWork::spread(). Null `done`: an action of the application.
void spread_everywhere(Gateway& gateway, GatewayPart& here, ControlRequest request,
                       ControlWork::Done done);

// The mark of a node in the ids of its connections.
[[nodiscard]] constexpr uint16_t mark_of(Nodes::Id node) noexcept {
    return static_cast<uint16_t>(node ^ node >> 16 ^ node >> 32 ^ node >> 48);
}

}  // namespace starling::server
