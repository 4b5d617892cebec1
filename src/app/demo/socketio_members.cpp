#include "app/demo/socketio_members.h"

#include <boost/json.hpp>

namespace starling::app {

namespace json = boost::json;

sio::Json SocketIoMembers::join(std::string_view id, std::string_view name) {
    std::lock_guard lock(mutex_);
    auto [place, added] = by_id_.try_emplace(std::string(id));
    if (!added) return nullptr;
    place->second = members_.insert(members_.end(), {std::string(id), std::string(name)});
    return changed();
}

sio::Json SocketIoMembers::rename(std::string_view id, std::string_view name) {
    std::lock_guard lock(mutex_);
    const auto place = by_id_.find(std::string(id));
    if (place == by_id_.end()) return nullptr;
    place->second->name = name;
    return changed();
}

sio::Json SocketIoMembers::leave(std::string_view id) {
    std::lock_guard lock(mutex_);
    const auto place = by_id_.find(std::string(id));
    if (place == by_id_.end()) return nullptr;
    members_.erase(place->second);
    by_id_.erase(place);
    return changed();
}

std::optional<std::string> SocketIoMembers::name(std::string_view id) const {
    std::lock_guard lock(mutex_);
    const auto place = by_id_.find(std::string(id));
    if (place == by_id_.end()) return std::nullopt;
    return place->second->name;
}

sio::Json SocketIoMembers::changed() {
    json::array listed;
    for (const Member& member : members_) {
        if (listed.size() == socketio_listed_max) break;
        listed.push_back(json::object{{"id", member.id}, {"name", member.name}});
    }
    return json::object{
        {"version", ++version_}, {"count", members_.size()}, {"members", std::move(listed)}};
}

}  // namespace starling::app
