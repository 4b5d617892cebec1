#include "app/demo/socketio_members.h"

#include <boost/json.hpp>

#include <utility>

namespace starling::app {
namespace {

namespace json = boost::json;

json::object line_of(std::string_view id, std::string_view name) {
    return {{"id", id}, {"name", name}};
}

}  // namespace

bool SocketIoMembers::join(std::string_view id, std::string_view name) {
    return join_at("", id, name);
}

bool SocketIoMembers::join_at(std::string_view owner, std::string_view id, std::string_view name) {
    const std::lock_guard lock(mutex_);
    auto [place, added] = by_id_.try_emplace(std::string(id));
    if (added) {
        place->second = members_.insert(members_.end(),
                                        {std::string(id), std::string(name), std::string(owner)});
        own_count_ += owner.empty();
        return changed(owner);
    }
    Member& member = *place->second;
    if (member.owner == owner && (owner.empty() || member.name == name)) return false;
    own_count_ += owner.empty();
    own_count_ -= member.owner.empty();
    const bool moved_away = member.owner.empty() && !owner.empty();
    member.owner = owner;
    member.name = name;
    return changed(moved_away ? "" : owner);
}

bool SocketIoMembers::rename(std::string_view id, std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto place = by_id_.find(std::string(id));
    if (place == by_id_.end() || place->second->name == name) return false;
    place->second->name = name;
    return changed(place->second->owner);
}

bool SocketIoMembers::leave(std::string_view id) { return leave_from("", id); }

bool SocketIoMembers::leave_from(std::string_view owner, std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto place = by_id_.find(std::string(id));
    if (place == by_id_.end() || place->second->owner != owner) return false;
    members_.erase(place->second);
    by_id_.erase(place);
    own_count_ -= owner.empty();
    return changed(owner);
}

bool SocketIoMembers::set_unlisted(size_t count) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(unlisted_, count) == count) return false;
    return !std::exchange(has_changed_, true);
}

bool SocketIoMembers::changed(std::string_view owner) {
    own_version_ += owner.empty();
    return !std::exchange(has_changed_, true);
}

uint64_t SocketIoMembers::own_version() const {
    const std::lock_guard lock(mutex_);
    return own_version_;
}

sio::Json SocketIoMembers::own_list() const {
    const std::lock_guard lock(mutex_);
    json::array members;
    for (const Member& member : members_) {
        if (members.size() == socketio_listed_max) break;
        if (member.owner.empty()) members.push_back(line_of(member.id, member.name));
    }
    return json::object{
        {"version", own_version_}, {"count", own_count_}, {"members", std::move(members)}};
}

sio::Json SocketIoMembers::list() const {
    const std::lock_guard lock(mutex_);
    json::array members;
    for (const Told& one : told_) members.push_back(line_of(one.id, one.name));
    return json::object{
        {"version", version_}, {"count", told_count_}, {"members", std::move(members)}};
}

sio::Json SocketIoMembers::take_changes() {
    const std::lock_guard lock(mutex_);
    has_changed_ = false;
    std::unordered_map<std::string_view, std::string_view> before;
    for (const Told& one : told_) before.emplace(one.id, one.name);
    std::vector<Told> now;
    json::array set, left;
    for (const Member& member : members_) {
        if (now.size() == socketio_listed_max) break;
        now.push_back({member.id, member.name});
        const auto known = before.find(member.id);
        if (known == before.end() || known->second != member.name)
            set.push_back(line_of(member.id, member.name));
        if (known != before.end()) before.erase(known);
    }
    for (const Told& one : told_)
        if (before.contains(one.id)) left.push_back(json::string(one.id));
    const bool same = set.empty() && left.empty() && told_count_ == count();
    told_ = std::move(now);
    told_count_ = count();
    if (same) return nullptr;
    return json::object{{"version", ++version_},
                        {"count", told_count_},
                        {"set", std::move(set)},
                        {"left", std::move(left)}};
}

std::optional<std::string> SocketIoMembers::name(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto place = by_id_.find(std::string(id));
    if (place == by_id_.end()) return std::nullopt;
    return place->second->name;
}

bool SocketIoMembers::may_tell_typing(std::string_view id, bool typing, int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    const auto place = by_id_.find(std::string(id));
    if (place == by_id_.end()) return false;
    Member& member = *place->second;
    // The end of typing is broadcast at once, and only if the beginning was broadcast.
    if (typing ? now_ms < member.typing_due_ms : !member.typing) return false;
    if (typing) member.typing_due_ms = now_ms + socketio_typing_interval_ms;
    member.typing = typing;
    return true;
}

}  // namespace starling::app
