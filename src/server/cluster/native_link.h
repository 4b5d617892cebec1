// server/cluster/native_link.h: the Socket.IO servers of this process in the native mode: what they do
// goes to the other nodes of starling, and back.
//
// A room of Nodes is a namespace, "/chat", or a room in it, "/chat,red": a namespace has no comma. The
// rooms of another Socket.IO server begin with its path. A payload is that path, a line feed, and a
// cluster::Message as MessagePack, whose target names no rooms: the publication has them.
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
#include "server/cluster/responder.h"
#include "server/extension.h"
#include "server/nodes.h"
#include "server/nodes/redis_reports.h"
#include "socketio/cluster_link.h"

namespace starling::server {

class SocketIo;

// One Socket.IO server. Owner: SocketIo. Lives longer than the workers. Thread: as ClusterLink and
// Extension say; what other nodes send, the first worker's.
// The path that names in Redis do not say.
inline constexpr std::string_view usual_path = "/socket.io";

class NativeLink final : public Extension, public socketio::ClusterLink {
public:
    NativeLink(SocketIo& io, Nodes& nodes, uint64_t request_timeout_ms);

    // Extension.
    void mount(Site& site) override { (void)site; }
    void attach(WorkerGroup& group) override;
    void detach() noexcept override { here_.reset(); }
    void close_handles() noexcept override { worker_ = nullptr; }

    // socketio::ClusterLink.
    void send(std::shared_ptr<const socketio::Command> command) override;
    void namespace_opened(const std::string& nsp,
                          socketio::NamespaceSetup& setup) noexcept override;
    void namespace_closed(const std::string& nsp) noexcept override;
    void room_opened(const std::string& nsp, std::string_view room,
                     bool of_one_socket) noexcept override;
    void room_closed(const std::string& nsp, std::string_view room) noexcept override;

    // What another node did or asks. `body`: the payload behind the path.
    void on_publication(const Nodes::Incoming& in, std::string_view body);
    void on_question(const Nodes::Incoming& in, std::string_view body);

    // The first part of all rooms and payloads; "" for the usual path.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

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
        std::map<std::string, Dynamic, std::less<>> dynamic;
    };

    [[nodiscard]] std::string room_name(std::string_view nsp, std::string_view room) const;
    [[nodiscard]] std::string namespace_room(std::string_view nsp) const;
    [[nodiscard]] Nodes::Target target_of(const cluster::Message& message) const;
    void note_join(const cluster::Message& message) noexcept;
    [[nodiscard]] bool may_be_joining(const std::vector<std::string>& rooms) const noexcept;
    // Nothing: no node can get it.
    [[nodiscard]] std::optional<std::string> payload_of(cluster::Message& message) const;
    void send_to(const socketio::Command& command, const std::string& nsp);
    void ask(const socketio::Command& command, const std::string& nsp, cluster::OnReport report);
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

private:
    // The server that the payload is for, and the rest of the payload. Null: there is none.
    [[nodiscard]] NativeLink* split(std::string_view payload, std::string_view& body) const;

    Nodes& nodes_;
    std::map<std::string, NativeLink*, std::less<>> links_;
};

}  // namespace starling::server
