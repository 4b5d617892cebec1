#include "app/kinds.h"

#include "app/demo/chat.h"
#include "app/demo/chat_rooms.h"

#include <memory>
#include <utility>

namespace starling::app {
namespace {

constexpr size_t topic_bytes_max = 255;

struct Member {
    std::string room;  // The topic that the socket has joined.
    std::string name;  // Chat: the name of the member's last accepted message.
    std::string id;    // Chat: see app/demo/chat_rooms.h.
};

// Sets the handlers that join each socket to the room of its path. A path that is too long for a
// topic gets 404.
void enter_room(ws::Route& route) {
    route.upgrade = [](ws::Upgrade& upgrade) {
        std::string room = "room:" + std::string(upgrade.request().path());
        if (room.size() > topic_bytes_max) return upgrade.refuse(404);
        upgrade.emplace_data<Member>(Member{std::move(room), {}, {}});
    };
    route.open = [](ws::Socket socket) {
        if (const auto* member = socket.data<Member>()) socket.join(member->room);
    };
}

ws::Route echo(ws::Route route) {
    route.message = [](ws::Socket socket, ws::Message message) { socket.send(message); };
    return route;
}

ws::Route broadcast(Server& server, ws::Route route) {
    enter_room(route);
    route.message = [&server](ws::Socket socket, ws::Message message) {
        if (const auto* member = socket.data<Member>()) server.publish(member->room, message);
    };
    return route;
}

ws::Route chat(Server& server, ws::Route route) {
    enter_room(route);
    const auto rooms = std::make_shared<ChatRooms>(server);
    route.subprotocols.emplace_back(chat_subprotocol);
    route.open = [rooms](ws::Socket socket) {
        auto* member = socket.data<Member>();
        if (!member) return;
        socket.join(member->room);
        member->id = rooms->enter(socket, member->room);
    };
    route.message = [&server, rooms](ws::Socket socket, ws::Message message) {
        auto* member = socket.data<Member>();
        if (!member) return;
        const std::string before = member->name;
        const bool may_introduce = socket.subprotocol() == chat_subprotocol;
        const ChatStep step = chat_step(member->name, message, may_introduce);
        if (member->name != before) rooms->rename(member->room, member->id, member->name);
        if (!step.to_everyone.empty()) server.publish(member->room, step.to_everyone);
        if (!step.to_sender.empty()) socket.send(step.to_sender);
    };
    route.close = [&server, rooms](ws::Socket socket, uint16_t, std::string_view) {
        const auto* member = socket.data<Member>();
        if (!member || member->id.empty()) return;
        rooms->leave(member->room, member->id);
        if (member->name.empty()) return;
        server.publish(member->room, chat_farewell(member->name));
    };
    return route;
}

}  // namespace

ws::Route make_route(Server& server, Kind kind, ws::Route limits) {
    switch (kind) {
        case Kind::echo: return echo(std::move(limits));
        case Kind::chat: return chat(server, std::move(limits));
        case Kind::broadcast: return broadcast(server, std::move(limits));
    }
    return limits;
}

}  // namespace starling::app
