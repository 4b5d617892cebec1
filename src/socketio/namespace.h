// socketio/namespace.h: a namespace on one worker: its sockets and rooms.
//
// Owner: the Server. Sockets are owned by their clients and leave before they die. Thread: the worker's.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/text.h"
#include "hub/hub.h"
#include "socketio/namespace_setup.h"
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
    [[nodiscard]] size_t size() const noexcept { return sockets_.size(); }

    void add(Socket& socket);  // It is connected: in the room of its id from here on.
    void remove(Socket& socket);
    void forget(Socket& socket);  // One that was never added.
    void join(Socket& socket, std::string_view room);
    void leave(Socket& socket, std::string_view room);
    [[nodiscard]] std::vector<std::string> rooms_of(const Socket& socket) const;

    // Whom the target means here: each once, in `to`.
    void collect(const Target& target, std::vector<Socket*>& to);
    // An encoded packet to all of them.
    void broadcast(const Encoded& packet, const Flags& flags, std::span<Socket* const> sockets);

    size_t waiting = 0;  // Sockets that middleware has not decided on.

private:
    struct IdHash {
        using is_transparent = void;
        size_t operator()(const Socket* socket) const noexcept { return (*this)(socket->id()); }
        size_t operator()(std::string_view id) const noexcept { return base::TextHash{}(id); }
    };
    struct IdEqual {
        using is_transparent = void;
        bool operator()(const Socket* a, const Socket* b) const noexcept { return a == b; }
        bool operator()(std::string_view id, const Socket* b) const noexcept {
            return id == b->id();
        }
        bool operator()(const Socket* a, std::string_view id) const noexcept {
            return id == a->id();
        }
    };
    void publish(const hub::Message&) override {}  // Rooms are named to the other workers, too.
    void subscribers_changed(std::string_view room, int change) override;
    // What a hook of the application is told, in the order in which it happened.
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
    hub::Hub rooms_;
    std::vector<Socket*> sockets_;
    std::unordered_set<Socket*, IdHash, IdEqual> by_id_;
    // Hooks run once the rooms are as they should be: a hook may join and leave whatever it likes.
    std::deque<RoomEvent> untold_;
    bool telling_ = false;
    uint32_t mark_ = 0;
};

}  // namespace starling::socketio
