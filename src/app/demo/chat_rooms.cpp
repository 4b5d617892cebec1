#include "app/demo/chat_rooms.h"

#include "app/demo/community/token.h"

#include <boost/json.hpp>

#include <chrono>
#include <utility>

namespace starling::app {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds changes_interval{250};

}  // namespace

ChatRooms::ChatRooms(Server& server)
    : server_(server), prefix_("chat members " + community::random_secret(8) + " ") {}

std::string ChatRooms::enter(ws::Socket socket, const std::string& room) {
    std::shared_ptr<ChatRoom> entered;
    std::string id;
    {
        const std::lock_guard lock(mutex_);
        Entry& entry = rooms_[room];
        if (!entry.room) {
            entry.room = std::make_shared<ChatRoom>();
            entry.room->topic = prefix_ + std::to_string(++last_room_);
        }
        ++entry.members;
        entered = entry.room;
        id = std::to_string(++last_member_);
    }
    if (socket.subprotocol() == chat_subprotocol) {
        // First the topic, then the list: a change between the two has a version that the list
        // already has, or the list is older than the change.
        socket.join(entered->topic);
        socket.send(
            json::serialize(json::object{{"self", id}, {"online", entered->members.list()}}));
    }
    if (entered->members.join(id, "")) tell_soon(std::move(entered));
    return id;
}

void ChatRooms::rename(const std::string& room, const std::string& id, std::string_view name) {
    std::shared_ptr<ChatRoom> found;
    {
        const std::lock_guard lock(mutex_);
        const auto at = rooms_.find(room);
        if (at == rooms_.end()) return;
        found = at->second.room;
    }
    if (found->members.rename(id, name)) tell_soon(std::move(found));
}

void ChatRooms::leave(const std::string& room, const std::string& id) {
    std::shared_ptr<ChatRoom> left;
    {
        const std::lock_guard lock(mutex_);
        const auto at = rooms_.find(room);
        if (at == rooms_.end()) return;
        left = at->second.room;
        if (--at->second.members == 0) rooms_.erase(at);
    }
    if (left->members.leave(id)) tell_soon(std::move(left));
}

// Tells all changes of an interval at once, so that one member's messages cost the others a bounded
// amount.
void ChatRooms::tell_soon(std::shared_ptr<ChatRoom> room) {
    server_.after(changes_interval, [rooms = shared_from_this(), room = std::move(room)] {
        const sio::Json changes = room->members.take_changes();
        if (changes.is_null()) return;
        rooms->server_.publish(room->topic, json::serialize(json::object{{"changes", changes}}));
    });
}

}  // namespace starling::app
