// server/events/history_link.h: the history that this node shares with the other nodes of its cluster.
// A node that appends a publication sends it to the nodes that listen to the channel. If that is lost,
// a Feeds reads the publication from the history.
//
// Owner: Events. Thread: push(): any; the rest: the first worker's.
#pragma once

#include <memory>
#include <vector>

#include "hub/history.h"
#include "server/nodes.h"
#include "server/worker_group.h"

namespace starling::server {

class Events;
class EventsWorker;

class HistoryLink final : Nodes::Member {
public:
    using Workers = std::vector<std::unique_ptr<EventsWorker>>;

    // Null: this process is in no cluster, or the cluster shares no history. Before the workers run.
    // `workers` may be empty until then.
    static std::unique_ptr<HistoryLink> make(WorkerGroup& group, const Events& events,
                                             const Workers& workers);

    [[nodiscard]] hub::History& history() const noexcept { return *history_; }
    void push(const hub::Kept& kept) const;

private:
    HistoryLink(WorkerGroup& group, const Events& events, const Workers& workers)
        : group_(group), events_(events), workers_(workers) {}

    // Nodes::Member
    void on_publication(const Nodes::Incoming& publication) override;
    void on_question(const Nodes::Incoming& question) override;
    void on_gap(Nodes::Id from, uint64_t publications) override;
    void on_node(Nodes::Id node, std::string_view name, Nodes::Change change) override;

    void catch_up();

    WorkerGroup& group_;
    const Events& events_;
    const Workers& workers_;
    hub::History* history_ = nullptr;
};

}  // namespace starling::server
