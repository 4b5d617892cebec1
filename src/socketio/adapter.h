// socketio/adapter.h: a Socket.IO server over all its workers: the setups of its namespaces, one
// socketio::Server per worker (below: a core), and the sending of commands to the cores.
//
// Owner: the server. Thread: set up before the workers run; any thread from then on.
#pragma once

#include <starling/socketio.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cache_line.h"
#include "base/lifetime.h"
#include "socketio/command.h"
#include "socketio/history.h"
#include "socketio/namespace_setup.h"
#include "socketio/quota.h"
#include "socketio/settings.h"

namespace starling::socketio {

class ClusterLink;
class Observer;
class RecoveryLink;

class Adapter {
public:
    // `history` is null if recovery is off.
    Adapter(Settings settings, std::unique_ptr<SharedHistory> history);
    ~Adapter();
    Adapter(const Adapter&) = delete;
    Adapter& operator=(const Adapter&) = delete;

    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
    [[nodiscard]] SharedHistory* history() noexcept { return history_.get(); }

    // ---- Before the workers run -----------------------------------------------------------------
    [[nodiscard]] std::shared_ptr<NamespaceSetup> declare(std::string_view name);
    [[nodiscard]] std::shared_ptr<NamespaceSetup> declare_dynamic(std::string_view name,
                                                                  sio::Server::Accept accept);
    void add_server(Server& server);
    void remove_servers() noexcept;
    // `post_all` runs a call on the worker of every core except `except` (null: of every core), in
    // order. The call holds the given number of bytes. For a worker with too many posted bytes
    // waiting, post_all drops and counts the call.
    using PostAll = std::function<void(size_t bytes, const Server* except,
                                       const std::function<void(Server&)>& call)>;
    void use_post_all(PostAll post_all) { post_all_ = std::move(post_all); }
    // From now on operations go to the other nodes, too, unless they are local. The link must live as
    // long as the workers.
    void use_cluster(ClusterLink& link) noexcept;
    // The observer of all cores that are made from now on; it must live longer than they do.
    void use_observer(Observer& observer) noexcept { observer_ = &observer; }
    // Ends the setup: from now on all workers read it, and no thread may change it.
    void open() noexcept { lifetime_.open(); }
    // From now on, handles on any thread reach no core.
    void close() noexcept;
    void require_not_started() const;
    void on_new_namespace(std::function<void(std::string_view)> call) {
        on_new_namespace_ = std::move(call);
    }

    // ---- Any thread -----------------------------------------------------------------------------
    // Handles hold this lifetime, which is open while the workers exist.
    [[nodiscard]] base::Lifetime<Adapter>& lifetime() noexcept { return lifetime_; }

    // ---- Any thread, while it is open -----------------------------------------------------------
    // Null if no such namespace was declared.
    [[nodiscard]] NamespaceSetup* find(std::string_view name, const Json& auth) const;
    [[nodiscard]] NamespaceSetup* find_static(std::string_view name) const noexcept;
    // The limits of the namespace. Null: it has none.
    [[nodiscard]] Quota* quota_of(std::string_view nsp) const noexcept;
    [[nodiscard]] const std::vector<std::unique_ptr<Quota>>& quotas() const noexcept {
        return quotas_;
    }
    // Events of other nodes to the namespace are kept for clients that come back.
    [[nodiscard]] bool records(std::string_view nsp) const noexcept;
    [[nodiscard]] size_t workers() const noexcept { return servers_.size(); }
    // Null: this process is in no cluster.
    [[nodiscard]] ClusterLink* cluster() const noexcept { return cluster_; }
    // Null: nobody looks.
    [[nodiscard]] Observer* observer() const noexcept { return observer_; }
    // Null: no recovery, or the History alone serves it.
    [[nodiscard]] RecoveryLink* recovery() const noexcept { return recovery_; }
    // The declarations of namespaces.
    [[nodiscard]] size_t declared() const noexcept { return setups_.size() + dynamic_.size(); }
    // Calls `call` with the name of each namespace that was declared by name.
    template <class F>
    void each_static(F&& call) const {
        for (const auto& [name, setup] : setups_) call(name, *setup);
    }
    [[nodiscard]] Server* here() const noexcept;  // The core of the calling thread.
    // Runs the command on every worker: at once on the calling thread's worker, by a post on the
    // others; and on the other nodes of a cluster, unless it is local.
    void send(std::shared_ptr<const Command> command);
    // Sends a recoverable event in the same way: each worker delivers it in the order of the log.
    // With a cluster, command->args holds the event as well. With a RecoveryLink the event is delivered
    // when it comes back from the cluster.
    void send_recoverable(std::shared_ptr<Command> command, std::string_view name,
                          std::span<const sio::Value> values);
    // The sessions of all sockets are saved again, see RecoveryLink.
    void save_all_sessions();
    // Ends the socket `id` of this process, and keeps its session: the client is elsewhere now. If it is at
    // another node, the connection ends without a goodbye, after which a client connects again.
    void client_has_moved(const std::string& nsp, const std::string& id, bool to_other_node);
    // Appends a command to the log, in whose order each worker performs it.
    void deliver_in_order(std::shared_ptr<Command> command);
    // Runs the call on one core: at once on the calling thread's own core, from other threads by a
    // post on the first core. False: there is no core, or the post was dropped.
    bool on_any_server(std::function<void(Server&)> call, size_t bytes);
    [[nodiscard]] uint64_t new_ack_id() noexcept {
        return last_ack_.fetch_add(1, std::memory_order_relaxed);
    }
    void new_namespace(std::string_view name) const {
        if (on_new_namespace_) on_new_namespace_(name);
    }

private:
    void publish(std::shared_ptr<Command> command, std::string_view name,
                 std::span<const sio::Value> values);
    void drain_all();

    base::Lifetime<Adapter>& lifetime_;
    const Settings settings_;
    std::vector<std::unique_ptr<Quota>> quotas_;  // One for each of the settings' limits.
    std::unique_ptr<SharedHistory> history_;
    std::map<std::string, std::shared_ptr<NamespaceSetup>, std::less<>> setups_;
    std::vector<std::shared_ptr<NamespaceSetup>> dynamic_;
    std::vector<Server*> servers_;
    PostAll post_all_;
    ClusterLink* cluster_ = nullptr;
    Observer* observer_ = nullptr;
    RecoveryLink* recovery_ = nullptr;
    std::function<void(std::string_view)> on_new_namespace_;
    alignas(base::cache_line_bytes) std::atomic<uint64_t> last_ack_{0};
};

// Returns "/admin" for "admin" and for "/admin".
[[nodiscard]] std::string namespace_name(std::string_view name);

}  // namespace starling::socketio
