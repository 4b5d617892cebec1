// socketio/namespace.h: a namespace on one worker: its sockets and rooms.
//
// Owner: the Server. Clients own the sockets; a socket leaves the namespace before it is destroyed.
//        Thread: the worker's.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/segmented.h"
#include "hub/hub.h"
#include "socketio/id_index.h"
#include "socketio/namespace_setup.h"
#include "socketio/quota.h"
#include "socketio/socket.h"
#include "socketio/target.h"

namespace starling::socketio {

class Namespace final : private hub::Bus {
public:
    Namespace(Server& server, NamespaceSetup& setup, std::string name);
    ~Namespace() override;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] NamespaceSetup& setup() const noexcept { return setup_; }
    [[nodiscard]] Server& server() const noexcept { return server_; }
    [[nodiscard]] Quota* quota() const noexcept { return quota_; }  // Null: no limits.
    [[nodiscard]] size_t size() const noexcept { return sockets_.size(); }
    // Calls call(room, members) for each room, but those of single sockets.
    template <class F>
    void each_room(F&& call) const {
        rooms_.each_topic(std::forward<F>(call));
    }

    void add(Socket& socket);  // The socket is connected now, and joins the room of its id.
    void remove(Socket& socket);
    void forget(Socket& socket);  // For a socket that was never added.
    // For a socket that is destroyed although remove() did not succeed: drops all pointers to that
    // socket. Calls no hook itself; the next call that reports changes also reports the rooms that
    // became empty here.
    void abandon(Socket& socket) noexcept;
    void join(Socket& socket, std::string_view room);
    void leave(Socket& socket, std::string_view room);
    [[nodiscard]] std::vector<std::string> rooms_of(const Socket& socket) const;

    // Collects the target's sockets on this worker in `to`, each socket once.
    void collect(const Target& target, std::vector<Socket*>& to);
    // Sends an encoded packet to the target's sockets.
    void broadcast(const Encoded& packet, const Flags& flags, std::span<Socket* const> sockets);

    size_t waiting = 0;  // The number of sockets that are still in middleware.

private:
    void unlist(Socket& socket) noexcept;  // From sockets_ and by_id_.
    [[nodiscard]] const Socket& in_slot(uint32_t slot) const noexcept;
    void publish(const hub::Message&) override {}  // Unused: Commands are sent to rooms instead.
    void subscribers_changed(const base::HashedText& room, int change) override;
    // A change of a room, to be reported to the application's hooks in the order of the changes.
    struct RoomEvent {
        enum class Kind : uint8_t { created, deleted, joined, left } kind;
        std::string room, id;
    };
    void note(RoomEvent::Kind kind, std::string_view room, std::string_view id = {});
    void tell_hooks();
    void leave_quietly(Socket& socket, std::string_view room);
    template <class F>
    void each_member(std::string_view room, F&& call);

    Server& server_;
    NamespaceSetup& setup_;
    const std::string name_;
    Quota* const quota_;
    hub::Hub rooms_;
    base::Segmented<Socket*> sockets_;
    IdIndex by_id_;
    // Hooks run after the rooms are updated, so a hook may itself join and leave rooms.
    std::deque<RoomEvent> untold_;
    bool telling_ = false;
    uint32_t mark_ = 0;
};

}  // namespace starling::socketio
