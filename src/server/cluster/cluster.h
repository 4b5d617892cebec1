// server/cluster/cluster.h: the Socket.IO server of this process in a cluster. The first worker's
// ClusterPart talks to Redis; the other workers post to that part.
//
// Owner: SocketIo. Lives longer than the workers. Thread: any, where no comment says otherwise.
#pragma once

#include <starling/cluster.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/node.h"
#include "redis/client/context.h"
#include "server/cluster/figures.h"
#include "server/extension.h"
#include "server/node_engine/peers_link.h"
#include "socketio/adapter.h"
#include "socketio/cluster_link.h"
#include "socketio/recovery_link.h"

namespace starling::server {

class ClusterPart;
class SocketIo;

struct ClusterSettings {
    redis::client::ClientOptions redis;
    cluster::NodeOptions node;              // Without uid and seed.
    std::string sessions = "sio:session:";  // How the keys of sessions begin.
    bool foreign_sessions = true;           // Other programs may have written them.
    uint64_t stream_length_max = 10'000;
    // Each entry is appended once, also when the answer to it is lost. It costs a script for each.
    bool append_once = false;
    bool required = false;
    std::string engine_prefix;  // Of sessions that are shared with Node.js; "": none is.
    uint64_t engine_answer_ms_max = 1000;
};
// Throws std::invalid_argument.
[[nodiscard]] ClusterSettings cluster_settings(const sio::ClusterOptions& options);

class ClusterExtension final : public sio::Cluster,
                               public Extension,
                               private socketio::ClusterLink,
                               private socketio::RecoveryLink {
public:
    ClusterExtension(SocketIo& io, ClusterSettings settings);

    [[nodiscard]] socketio::ClusterLink& link() noexcept { return *this; }

    // The order between a stream and the questions that do not go by it, see cluster::StreamOrder. On the
    // first worker. `bytes`: what the call holds.
    void when_stored(size_t bytes, std::function<void(socketio::StreamId)> call);
    void when_read(socketio::StreamId id, size_t bytes, std::function<void()> call);
    // False: what others publish now may not reach this node. Any thread.
    [[nodiscard]] bool reads() const noexcept {
        return figures_.reads.load(std::memory_order_relaxed);
    }

    // sio::Cluster.
    [[nodiscard]] bool ready() const noexcept override;
    [[nodiscard]] sio::ClusterStats stats() const override;

    // Extension.
    void mount(Site& site) override { (void)site; }
    void attach(WorkerGroup& group) override;  // Throws std::runtime_error.
    void detach() noexcept override { close_handles(); }
    using Extension::add_figures;
    void add_figures(Figures& figures) const override;
    // The first worker is destroyed before the connections of the others, which leave rooms then.
    void close_handles() noexcept override {
        part_ = nullptr;
        if (peers_) peers_->close();
    }

private:
    void send(std::shared_ptr<const socketio::Command> command) override;
    void namespace_opened(const std::string& nsp,
                          socketio::NamespaceSetup& setup) noexcept override;
    void namespace_closed(const std::string& nsp) noexcept override;
    void room_opened(const std::string& nsp, std::string_view room,
                     bool of_one_socket) noexcept override;
    void room_closed(const std::string& nsp, std::string_view room) noexcept override;
    [[nodiscard]] socketio::RecoveryLink* recovery() noexcept override;
    // socketio::RecoveryLink
    void publish(std::shared_ptr<const socketio::Command> event) override;
    void save_sessions(std::vector<socketio::SavedSession> sessions, bool left) override;
    void refresh_sessions(std::vector<SessionName> sessions) override;
    void forget_session(std::string pid) override;
    void claim_session(socketio::SessionClaim claim, Claimed done) override;
    [[nodiscard]] uint32_t stream_of(std::string_view nsp) const override;
    void add_recovery(Figures& figures) const;
    template <class F>
    void post(F&& call) noexcept;

    SocketIo& io_;
    const ClusterSettings settings_;
    ClusterFigures figures_;
    const std::unique_ptr<PeersLink> peers_;  // Null: no session is shared with Node.js.
    Worker* worker_ = nullptr;                // The first one.
    ClusterPart* part_ = nullptr;
};

}  // namespace starling::server
