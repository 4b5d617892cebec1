// server/cluster/join.h: the whole server in a cluster: the Nodes that the core and the features use,
// and the Socket.IO servers.
//
// Owner: Server. Lives longer than the workers. Thread: as Extension and starling::Cluster say.
#pragma once

#include <starling/cluster.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/cluster/cluster.h"
#include "server/cluster/native_link.h"
#include "server/extension.h"
#include "server/nodes/redis_nodes.h"

namespace starling::server {

class JoinedCluster final : public Cluster, public Extension {
public:
    explicit JoinedCluster(ClusterOptions options);  // Throws std::invalid_argument.

    [[nodiscard]] Nodes& own_nodes() noexcept { return nodes_; }

    // Cluster.
    [[nodiscard]] bool ready() const noexcept override;
    [[nodiscard]] ClusterStats stats() const override;
    [[nodiscard]] const std::string& name() const noexcept override { return nodes_.name(); }
    [[nodiscard]] std::vector<ClusterNode> nodes() const override { return nodes_.nodes(); }
    void after_joins(std::function<void()> done) override;

    // Extension. It is attached before all others.
    void mount(Site& site) override { (void)site; }
    void attach(WorkerGroup& group) override;  // Throws std::runtime_error.
    void detach() noexcept override { nodes_.close(); }
    void add_figures(Figures& figures) const override;
    void add_figures(Worker& worker, Figures& figures) override {
        nodes_.add_figures(worker, figures);
    }
    void close_handles() noexcept override { nodes_.close(); }

private:
    void join(SocketIo& io);

    const bool required_;
    const uint64_t request_timeout_ms_;
    WorkerGroup* group_ = nullptr;
    RedisNodes nodes_;
    SocketIoMember socketio_;
    // Joins that wait for the streams of a node that has just started; of one worker, on its thread.
    struct StreamWait {
        std::vector<std::function<void()>> calls;
        bool has_timer = false;
    };
    [[nodiscard]] bool streams_are_read() const noexcept;
    void when_streams_are_read(std::function<void()> done);
    void look_at_streams(Worker& worker);

    std::vector<StreamWait> stream_waits_;            // By the index of the worker.
    const std::unique_ptr<ClusterSettings> adapter_;  // Null: Socket.IO uses the nodes.
    const ClusterSettings stream_;                    // In the mode native, with recovery.
    std::vector<const ClusterExtension*> adapters_;   // Owned by the Socket.IO servers.
};

}  // namespace starling::server
