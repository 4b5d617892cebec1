// server/nodes/redis_nodes.h: the other nodes of the cluster over Redis. The first worker's NodesPart
// talks to Redis; the other threads post to that part.
//
// Owner: the code that joins the cluster. Lives longer than the workers. Thread: as Nodes says; what
// belongs to the life of the server, as Extension says.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/history/redis_history.h"
#include "server/nodes.h"
#include "server/nodes/figures.h"
#include "server/nodes/part.h"
#include "server/nodes/settings.h"
#include "server/worker_group.h"

namespace starling::server {

class RedisNodes final : public Nodes {
public:
    explicit RedisNodes(NodesSettings settings);

    // When the workers exist and none of them runs. Throws std::runtime_error.
    void attach(WorkerGroup& group);
    // From here on nothing reaches the first worker, which is destroyed soon.
    void close() noexcept {
        part_ = nullptr;
        if (history_) history_->close();
    }

    [[nodiscard]] bool is_connected() const noexcept {
        return figures_.connected.load(std::memory_order_relaxed);
    }
    // Every node that is there has had the time to tell this one that it is there.
    [[nodiscard]] bool has_met_others() const noexcept {
        return figures_.has_met_others.load(std::memory_order_relaxed);
    }
    // Any thread.
    [[nodiscard]] ClusterStats stats() const;
    [[nodiscard]] std::vector<ClusterNode> nodes() const;
    // On the thread of `worker`.
    void add_figures(const Worker& worker, Figures& figures) const;
    [[nodiscard]] const std::string& name() const noexcept { return settings_.node.name; }

    // Nodes.
    void add(Kind kind, Member& member) override;
    [[nodiscard]] Id self() const noexcept override { return self_; }
    [[nodiscard]] bool is_here(Id node) const override;
    [[nodiscard]] bool is_known(Id node) const override;
    [[nodiscard]] bool is_linked() const noexcept override { return is_connected(); }
    [[nodiscard]] size_t node_queue_bytes_max() const noexcept override {
        return settings_.node.node_queue_bytes_max;
    }
    [[nodiscard]] uint64_t keyed_hash(std::string_view text) const noexcept override;
    void joined(Kind kind, std::string_view room) noexcept override;
    void left(Kind kind, std::string_view room) noexcept override;
    bool publish(Kind kind, Target target, std::string payload) override;
    void ask(Kind kind, Target target, std::string payload,
             std::function<void(Id from, std::string_view payload)> answer,
             std::function<void(const Outcome&)> done) override;
    void answer(Id to, uint64_t question, std::string payload, bool is_last) override;
    void count(Kind kind, std::string_view room, std::function<void(const Count&)> done) override;
    void fence(std::function<void()> done) override;
    [[nodiscard]] hub::History* share_history(WorkerGroup& group,
                                              std::function<void()> ready) override;

private:
    // Runs the call on the part: at once on the first worker, by a post elsewhere. False: it is
    // dropped.
    template <class F>
    bool on_part(size_t bytes, F&& call);
    template <class F>
    void on_part_always(F&& call);
    // The worker whose handler calls; null: none, or the first one.
    [[nodiscard]] Worker* caller() const noexcept;

    const NodesSettings settings_;
    const Id self_;
    NodesPart::Members members_{};
    NodesFigures figures_;
    WorkerGroup* group_ = nullptr;
    Worker* worker_ = nullptr;  // The first one.
    NodesPart* part_ = nullptr;
    std::unique_ptr<RedisHistory> history_;  // Null: no channel has a history.
};

}  // namespace starling::server
