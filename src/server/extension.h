// server/extension.h: a feature of a server (static files, server events, Socket.IO) as the core
// sees it. The core calls these functions and knows no feature by name; a program that never asks
// for a feature does not link it.
//
// Owner: Server. Lives longer than the workers. Thread: the one that sets the server up, starts it
// and destroys it, unless a function says otherwise.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

namespace starling {
struct ServerStats;
}

namespace starling::server {

class Figures;
struct Site;
class Worker;
struct WorkerGroup;

// A room, topic or channel on one worker. The views end with the call.
struct RoomFacts {
    std::string_view kind;  // "topic", "room" or "channel".
    std::string_view nsp;   // The namespace of a room.
    std::string_view name;
    size_t members;
};

class Extension {
public:
    virtual ~Extension() = default;

    // Called once, when the application asks for the feature: adds the feature's routes.
    virtual void mount(Site& site) = 0;
    // Called when the workers exist and none of them runs yet. A start() that failed is followed by
    // detach(), and may be followed by another attach().
    virtual void attach(WorkerGroup& group) = 0;
    // Called when a start() has failed and the workers are gone.
    virtual void detach() noexcept = 0;
    // Called when the server stops: once for each worker, on that worker's thread, before its
    // connections start to close.
    virtual void server_stops(Worker& worker) { (void)worker; }
    // Asked on the worker's thread while the server stops. True: the feature still needs the
    // worker's loop; the worker waits for it, up to the drain timeout.
    [[nodiscard]] virtual bool is_busy(Worker& worker) {
        (void)worker;
        return false;
    }
    // Called on the worker's thread when the server stops and the worker has closed its last
    // connection, before its loop ends: what the feature keeps without a connection ends here. May
    // be called again.
    virtual void connections_ended(Worker& worker) { (void)worker; }
    // A successor has the listeners: the next connection of each client reaches that process. Called
    // once for each worker, on that worker's thread.
    virtual void successor_serves(Worker& worker) { (void)worker; }
    // The server's own listeners end: so do those of the feature. Any thread.
    virtual void stop_listening() {}
    virtual void add_listening_sockets(std::vector<int>& to) const { (void)to; }
    // Adds the feature's figures to those of the server. Any thread, while the workers exist.
    virtual void add_stats(ServerStats& stats) const { (void)stats; }
    // Adds the feature's figures of the whole server. Any thread, while the workers exist.
    virtual void add_figures(Figures& figures) const { (void)figures; }
    // Adds the feature's figures of one worker, on that worker's thread.
    virtual void add_figures(Worker& worker, Figures& figures) { (void)worker, (void)figures; }
    // The kind of the rooms of each_room(); "": the feature has none.
    [[nodiscard]] virtual std::string_view room_kind() const noexcept { return {}; }
    // Calls `call` for each room of the feature that has members on this worker, on that worker's
    // thread. The call changes no room.
    virtual void each_room(Worker& worker, const std::function<void(const RoomFacts&)>& call) {
        (void)worker, (void)call;
    }
    // Called when all workers have ended and none is destroyed yet. From here on the handles of the
    // feature that the application still holds do nothing.
    virtual void close_handles() noexcept {}
    // Called when the server has given up its rights (Server::on_bound()), right before its workers
    // run: what the feature serves on threads of its own begins here. Throws as attach() does.
    virtual void begin() {}
};

}  // namespace starling::server
