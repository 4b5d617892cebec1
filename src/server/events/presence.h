// server/events/presence.h: the presence that all workers of a server share, under a lock of its own;
// in a cluster with all other nodes, see hub/presence_nodes.h. The lock is taken only when a member comes
// or goes, and for a list.
//
// Owner: server::Events. Thread: any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "hub/presence_nodes.h"
#include "server/nodes.h"
#include "server/worker_group.h"

namespace starling::server {

class SharedPresence final : Nodes::Member, hub::PresenceNodes::Link {
public:
    using Change = std::function<void(const hub::PresenceChange&)>;

    // `tell` passes a change on to all workers. It runs under the lock, so that each worker gets the
    // changes in their order. `report` tells the application of a change that no connection of this
    // process has made; it runs on the first worker.
    SharedPresence(const hub::Presence::Limits& limits, Change tell, Change report);

    // Before the workers run, if the process is in a cluster.
    void join(WorkerGroup& group);
    // The workers have ended: nothing is sent any more.
    void close() noexcept { closed_.store(true); }

    // Throws std::bad_alloc, and then the connection is no member.
    hub::Presence::Entered enter(std::string_view channel, hub::Presence::Form form,
                                 hub::PresenceMember member);
    std::optional<hub::PresenceChange> leave(hub::Presence::Leaving&& leaving) noexcept;
    // The members on all nodes, if the channel has one on this node; otherwise none.
    [[nodiscard]] hub::PresenceList list(std::string_view channel, size_t limit) const;
    // The members on all nodes. `done` runs at once, or later on the worker that asks; on the first
    // one if the caller is no worker. It waits until the other nodes have said who is there.
    void list(std::string_view channel, size_t limit,
              std::function<void(const hub::PresenceList&)> done);
    // True: list() has the members of all nodes. False: `later` will run when it has, on any thread,
    // and under the lock.
    [[nodiscard]] bool is_known(std::string_view channel, std::function<void()> later);
    [[nodiscard]] hub::PresenceStats stats() const;

private:
    // Nodes::Member
    void on_publication(const Nodes::Incoming& publication) override;
    void on_question(const Nodes::Incoming& question) override;
    void on_gap(Nodes::Id from, uint64_t publications) override;
    void on_node(Nodes::Id node, std::string_view name, Nodes::Change change) override;
    // hub::PresenceNodes::Link, under the lock.
    void joined(const std::string& channel) override;
    void left(const std::string& channel) override;
    void publish(const std::string& channel, std::string bytes) override;
    void send(hub::PresenceNodes::NodeId to, std::string bytes) override;
    void fence(const std::string& channel, uint64_t serial) override;
    void ask(const std::string& channel, uint64_t serial, std::string bytes) override;
    void confirm(const std::string& channel, uint64_t ticket,
                 std::vector<hub::PresenceNodes::NodeId> nodes, std::string bytes) override;
    void changed() noexcept override;

    // Runs `call` on the first worker, with the lock.
    template <class F>
    void later(F&& call);
    // Nobody is told of a change for which there is no memory; a list is right all the same.
    void pass_on(const hub::PresenceChange& change, bool reports = false) noexcept;
    void tick();
    [[nodiscard]] uint64_t now_ms() const;

    const hub::Presence::Limits limits_;
    const Change tell_, report_;
    WorkerGroup* group_ = nullptr;  // Null: no cluster.
    std::atomic<bool> flushing_{false}, closed_{false};
    mutable std::mutex mutex_;
    hub::PresenceNodes presence_;
};

}  // namespace starling::server
