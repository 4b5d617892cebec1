// server/cluster/native_link.h: the Socket.IO servers of this process in the native mode: what they do
// goes to the other nodes of starling, and back.
//
// A room of Nodes is a namespace, "/chat", or a room in it, "/chat,red": a namespace has no comma. The
// rooms of another Socket.IO server begin with its path. A payload is that path, a line feed, and a
// cluster::Message as MessagePack, whose target names no rooms: the publication has them.
//
// With connection_state_recovery the events of a namespace, and joins, leaves and disconnects, go by a
// stream of Redis instead, which gives all nodes one order: see ClusterExtension. Questions and
// server-side events go between the nodes in any case. A question then names the entry that its node has
// stored last, which the other node reads first: see cluster/payload_head.h.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/message.h"
#include "cluster/questions.h"
#include "server/cluster/cluster.h"
#include "server/cluster/responder.h"
#include "server/extension.h"
#include "server/history/redis_reports.h"
#include "server/nodes.h"
#include "socketio/cluster_link.h"

namespace starling::server {

class SocketIo;

// One Socket.IO server. Owner: SocketIo. Lives longer than the workers. Thread: as ClusterLink and
// Extension say; what other nodes send, the first worker's.
// The path that names in Redis do not say.
inline constexpr std::string_view usual_path = "/socket.io";

class NativeLink final : public Extension, public socketio::ClusterLink {
public:
    // `stream`: of a server with connection_state_recovery; otherwise null.
    NativeLink(SocketIo& io, Nodes& nodes, uint64_t request_timeout_ms,
               std::unique_ptr<ClusterExtension> stream);

    // Extension.
    void mount(Site& site) override { (void)site; }
    void attach(WorkerGroup& group) override;  // Throws std::runtime_error.
    void detach() noexcept override;
    using Extension::add_figures;
    void add_figures(Figures& figures) const override;
    void close_handles() noexcept override;

    // socketio::ClusterLink.
    void send(std::shared_ptr<const socketio::Command> command) override;
    void namespace_opened(const std::string& nsp,
                          socketio::NamespaceSetup& setup) noexcept override;
    void namespace_closed(const std::string& nsp) noexcept override;
    void room_opened(const std::string& nsp, std::string_view room,
                     bool of_one_socket) noexcept override;
    void room_closed(const std::string& nsp, std::string_view room) noexcept override;
    [[nodiscard]] socketio::RecoveryLink* recovery() noexcept override;

    // What another node did or asks. `body`: the payload behind the path.
    void on_publication(const Nodes::Incoming& in, std::string_view body);
    void on_question(const Nodes::Incoming& in, std::string_view body);
    // Tells a new node whether this one has a stream.
    void greet(Nodes::Id node);

    // The first part of all rooms and payloads; "" for the usual path.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    // Null: without recovery.
    [[nodiscard]] const ClusterExtension* stream() const noexcept { return stream_.get(); }

private:
    struct Dynamic {
        socketio::NamespaceSetup* setup = nullptr;
        size_t workers = 0;  // That have it open.
    };
    // Of the first worker, while the workers exist.
    struct Here {
        Here(Worker& worker, socketio::Server& core, uint64_t request_timeout_ms);

        RedisReports reports;
        Responder responder;
        cluster::Arena arena;
        uint64_t differences = 0;  // Messages of nodes that differ in recovery.
        std::map<std::string, Dynamic, std::less<>> dynamic;
    };

    [[nodiscard]] std::string room_name(std::string_view nsp, std::string_view room) const;
    [[nodiscard]] std::string namespace_room(std::string_view nsp) const;
    [[nodiscard]] Nodes::Target target_of(const cluster::Message& message) const;
    [[nodiscard]] bool goes_by_stream(const socketio::Command& command) const noexcept;
    void note_join(const socketio::Command& command) noexcept;
    [[nodiscard]] bool may_be_joining(const std::vector<std::string>& rooms) const noexcept;
    // Nothing: no node can get it.
    [[nodiscard]] std::optional<std::string> payload_of(cluster::Message& message) const;
    void send_to(const socketio::Command& command, const std::string& nsp);
    void ask(const socketio::Command& command, const std::string& nsp, cluster::OnReport report);
    void ask_now(Nodes::Target target, std::string payload, const cluster::OnReport& report);
    void answer(const Nodes::Incoming& in, std::string_view body);
    void differs(std::string_view what);
    void send_here(const socketio::Command& command);
    [[nodiscard]] std::optional<cluster::Message> read(std::string_view body);
    // The message of a publication or a question, with its rooms.
    [[nodiscard]] std::optional<cluster::Message> read(const Nodes::Incoming& in,
                                                       std::string_view body);
    [[nodiscard]] socketio::NamespaceSetup* setup_of(std::string_view nsp) const;

    // Rooms that this process lets sockets of other nodes join, for some seconds: the nodes hold the
    // room when the message is there, and this node hears of it later. What is sent to such a room goes
    // to all nodes with the namespace. A place for all rooms with the same hash.
    struct Joining {
        std::array<std::atomic<uint64_t>, 1024> until_ms{};
        std::atomic<uint64_t> last_ms{0};  // The latest of them.
    };

    SocketIo& io_;
    Nodes& nodes_;
    const uint64_t request_timeout_ms_;
    const std::string path_;
    const std::unique_ptr<ClusterExtension> stream_;
    Worker* worker_ = nullptr;  // The first one.
    std::unique_ptr<Here> here_;
    Joining joining_;
};

// All Socket.IO servers of the process. Owner: the code that joins the cluster.
class SocketIoMember final : public Nodes::Member {
public:
    explicit SocketIoMember(Nodes& nodes) noexcept : nodes_(nodes) {}
    void add(NativeLink& link) { links_[link.path()] = &link; }

    void on_publication(const Nodes::Incoming& publication) override;
    void on_question(const Nodes::Incoming& question) override;
    void on_node(Nodes::Id node, std::string_view name, Nodes::Change change) override;

private:
    // The server that the payload is for, and the rest of the payload. Null: there is none.
    [[nodiscard]] NativeLink* split(std::string_view payload, std::string_view& body) const;

    Nodes& nodes_;
    std::map<std::string, NativeLink*, std::less<>> links_;
};

}  // namespace starling::server
