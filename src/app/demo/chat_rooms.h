// app/demo/chat_rooms.h: who is in each room of the chat, as told to the sockets that offered the
// subprotocol starling.chat. Other sockets get what app/demo/chat.h lists, and nothing else.
//
//     out   {"self":"7","online":{...}}        to a newcomer: its id, and the members so far
//           {"changes":{...}}                  to everyone, at most four times a second
//     in    {"name":"Ada"}                     the name of a member that has not spoken yet
//
// app/demo/socketio_members.h describes `online` and `changes`. A member without a name has the
// name "". In a cluster, the members are those of this node.
//
// Owner: the handlers of the route. Thread: any.
#pragma once

#include "app/demo/socketio_members.h"

#include <starling/server.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace starling::app {

inline constexpr const char* chat_subprotocol = "starling.chat";

struct ChatRoom {
    std::string topic;  // Of those who are told. It never names another room, nor a later one.
    SocketIoMembers members;
};

class ChatRooms : public std::enable_shared_from_this<ChatRooms> {
public:
    explicit ChatRooms(Server& server);  // The server outlives its handlers, which own this object.

    // Makes `socket` a member of the room. Returns the member's id.
    [[nodiscard]] std::string enter(ws::Socket socket, const std::string& room);
    void rename(const std::string& room, const std::string& id, std::string_view name);
    void leave(const std::string& room, const std::string& id);

private:
    struct Entry {
        std::shared_ptr<ChatRoom> room;
        size_t members = 0;
    };
    void tell_soon(std::shared_ptr<ChatRoom> room);

    Server& server_;
    const std::string prefix_;  // Of all topics: other nodes of a cluster have another one.
    std::mutex mutex_;
    std::unordered_map<std::string, Entry> rooms_;  // Those with members.
    uint64_t last_room_ = 0, last_member_ = 0;
};

}  // namespace starling::app
