// server/admin_ui/admin_ui.h: the Admin UI of a Socket.IO server: its namespace with login and
// commands, the figures of all workers, and what the workers see (Part).
//
// With several workers, each sends what happens to its own sockets to the pages of all. In a cluster
// each node does so for itself, as Node's servers do. A node whose pages want to see sockets says so
// to the others with a server-side event, so that no node sends events that nobody sees.
//
// Owner: SocketIo; it lives longer than the workers. Thread: set up before the server starts; each
//        call of Observer and SessionMeter on the worker of its socket; the rest as marked.
#pragma once

#include <starling/socketio_admin_ui.h>

#include <boost/json/array.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "auth/attempts.h"
#include "server/admin_ui/password.h"
#include "server/admin_ui/session_ids.h"
#include "server/extension.h"
#include "server/socketio/session_handler.h"
#include "socketio/observer.h"

namespace starling::server {

class AdminUiPart;
class SocketIo;
class Worker;

class AdminUi final : public Extension, public socketio::Observer, public SessionMeter {
public:
    // Throws std::invalid_argument for wrong options.
    AdminUi(SocketIo& io, sio::AdminUiOptions options);
    ~AdminUi() override;
    // Adds login, handlers and commands to the namespace.
    void set_up();

    // Extension.
    void mount(Site& site) override { (void)site; }
    void attach(WorkerGroup& group) override;
    void detach() noexcept override;
    void close_handles() noexcept override;

    // ---- Any thread -----------------------------------------------------------------------------
    [[nodiscard]] const sio::AdminUiOptions& options() const noexcept { return options_; }
    [[nodiscard]] SocketIo& io() const noexcept { return io_; }
    // Of the message `all_sockets`.
    [[nodiscard]] size_t first_bytes_max() const noexcept { return first_bytes_max_; }
    [[nodiscard]] bool shows_sockets() const noexcept {
        return options_.mode == sio::AdminUiOptions::Mode::development;
    }
    [[nodiscard]] bool is_own(const socketio::Namespace& nsp) const noexcept;
    // Somebody wants to see sockets and events: a page of this process, or of another node.
    [[nodiscard]] bool is_watched() const noexcept;
    // Sends an event to the pages of all workers and nodes, or to those in a room. `volatile_event`: not to
    // pages that have not kept up.
    enum class Reach : uint8_t { this_node, all_nodes };
    void emit(std::string_view name, const boost::json::array& args, const std::string& room = {},
              Reach reach = Reach::all_nodes, bool volatile_event = false);
    // The numbers of one worker, for the next `server_stats`.
    struct Share {
        boost::json::array events;
        std::map<std::string, size_t> sockets;  // By namespace.
        size_t polling = 0;
        // The id of each page; a second after its `all_sockets` also a space and the list's number.
        std::vector<std::string> pages;
    };
    void add(uint32_t worker, Share share);
    [[nodiscard]] AdminUiPart& part(uint32_t worker) const noexcept { return *parts_[worker]; }
    [[nodiscard]] size_t workers() const noexcept { return parts_.size(); }
    // In a cluster the other nodes learn at once of a page that wants to see sockets. `pages`: as in
    // Share.
    void tell_other_nodes(const std::vector<std::string>& pages) const;
    // A worker has left out changes: all pages get new lists, those of other nodes too.
    void note_stale() noexcept { stale_here_.store(true, std::memory_order_relaxed); }

    // Each second, on the first worker: new lists, if changes were left out.
    void repair_lists(uint64_t now_ms);
    // Every other second: the figures of all workers, and, in a cluster, the pages of this node.
    void send_stats();

private:
    using Json = sio::Json;
    // socketio::Observer
    void connected(socketio::Socket& socket) override;
    void disconnected(socketio::Socket& socket, std::string_view reason) override;
    void room_joined(socketio::Namespace& nsp, std::string_view room, std::string_view id) override;
    void room_left(socketio::Namespace& nsp, std::string_view room, std::string_view id) override;
    void data_touched(socketio::Socket& socket) override;
    void upgraded(socketio::Socket& socket) override;
    void event_received(socketio::Socket& socket, const socketio::Packet& packet) override;
    [[nodiscard]] bool watches_sent(const socketio::Socket& socket) noexcept override;
    void event_sent(socketio::Socket& socket, const Json& event, size_t bytes) override;
    // SessionMeter
    void opened(Worker& worker, bool polling) override;
    void upgraded(Worker& worker) override;
    void message_in(Worker& worker, size_t bytes) override;
    void message_out(Worker& worker, size_t bytes) override;
    void closed(Worker& worker, bool polling, std::string_view reason) override;

    [[nodiscard]] AdminUiPart& part_of(const socketio::Server& core) const noexcept;
    void log_in(const sio::Socket& socket, const sio::Next& next);
    void welcome(const sio::Socket& socket);
    void act(const sio::Socket& socket, std::string_view command, std::span<const sio::Json> args);
    void list_again();
    void count_pages();
    void pages_elsewhere(const std::vector<std::string>& pages);
    [[nodiscard]] boost::json::array features() const;
    [[nodiscard]] boost::json::object stats();

    SocketIo& io_;
    const sio::AdminUiOptions options_;
    const std::string server_id_;
    const size_t first_bytes_max_;
    sio::Namespace* nsp_ = nullptr;
    socketio::NamespaceSetup* setup_ = nullptr;  // Of that namespace.
    const SessionIds sessions_;
    std::vector<AdminUiPart*> parts_;  // By worker index. Each worker owns its part.
    const std::chrono::steady_clock::time_point started_;
    std::atomic<bool> watched_elsewhere_{false}, closed_{false};
    std::atomic<bool> stale_here_{false}, stale_elsewhere_{false};  // Nodes that left out changes.
    uint64_t listed_ms_ = 0;                                        // Of the first worker alone.

    std::mutex mutex_;  // Guards what follows. No event of a client takes it.
    auth::Attempts attempts_;
    boost::json::array events_;
    std::vector<Share> shares_;  // Of each worker, without the events.
    // The pages of other nodes, as in Share::pages, and when each was heard of last.
    std::map<std::string, std::chrono::steady_clock::time_point> elsewhere_;

    PasswordChecks passwords_;  // Destroyed first: its thread uses the members above.
};

}  // namespace starling::server
