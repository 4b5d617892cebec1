#include "app/demo/socketio_nodes.h"

#include "app/demo/chat.h"

#include <boost/json.hpp>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace starling::app {
namespace {

namespace json = boost::json;

constexpr size_t id_bytes_max = 255, node_bytes_max = 64;

struct List {
    uint64_t version = 0, count = 0;
    std::vector<std::pair<std::string, std::string>> members;  // Id and name.
};

std::optional<uint64_t> number(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    if (!value) return std::nullopt;
    boost::system::error_code refused;
    const auto number = value->to_number<uint64_t>(refused);
    return refused ? std::nullopt : std::optional(number);
}

std::optional<std::string_view> text(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    if (!value || !value->is_string()) return std::nullopt;
    return std::string_view(value->get_string());
}

// nullopt: malformed.
std::optional<List> list_of(const sio::Json& value) {
    const json::object* const object = value.if_object();
    if (!object) return std::nullopt;
    const auto version = number(*object, "version"), count = number(*object, "count");
    const json::value* const members = object->if_contains("members");
    if (!version || !count || !members || !members->is_array() ||
        members->get_array().size() > socketio_listed_max)
        return std::nullopt;
    List list{*version, *count, {}};
    for (const json::value& one : members->get_array()) {
        const json::object* const member = one.if_object();
        const auto id = member ? text(*member, "id") : std::nullopt;
        const auto name = member ? text(*member, "name") : std::nullopt;
        if (!id || id->empty() || id->size() > id_bytes_max || !name || chat_fault_of_name(*name))
            return std::nullopt;
        list.members.emplace_back(*id, *name);
    }
    return list;
}

}  // namespace

SocketIoNodes::Node* SocketIoNodes::find(std::string_view name) {
    const auto place = nodes_.find(name);
    if (place != nodes_.end()) return &place->second;
    if (name.empty() || name.size() > node_bytes_max || nodes_.size() == chat_nodes_max)
        return nullptr;
    return &nodes_[std::string(name)];
}

bool SocketIoNodes::listed(std::string_view name, const sio::Json& value, int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    const std::optional<List> list = list_of(value);
    Node* const node = list ? find(name) : nullptr;
    if (!node || (node->known && list->version <= node->version)) return false;
    bool tell = false;
    std::vector<std::string> ids;
    for (const auto& [id, member] : list->members) {
        tell |= members_.join_at(name, id, member);
        ids.push_back(id);
    }
    const std::set<std::string_view> now(ids.begin(), ids.end());
    for (const std::string& id : node->ids)
        if (!now.contains(id)) tell |= members_.leave_from(name, id);
    node->version = list->version;
    node->heard_ms = now_ms;
    node->known = true;
    node->unlisted = list->count - std::min<uint64_t>(list->count, ids.size());
    node->ids = std::move(ids);
    return tell | count_unlisted();
}

bool SocketIoNodes::beat(std::string_view name, uint64_t version, int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    Node* const node = find(name);
    if (!node) return false;
    node->heard_ms = now_ms;
    return !node->known || node->version < version;
}

bool SocketIoNodes::forget_silent(int64_t now_ms) {
    const std::lock_guard lock(mutex_);
    bool tell = false;
    for (auto at = nodes_.begin(); at != nodes_.end();) {
        if (now_ms - at->second.heard_ms <= chat_silence_ms_max) {
            ++at;
            continue;
        }
        for (const std::string& id : at->second.ids) tell |= members_.leave_from(at->first, id);
        at = nodes_.erase(at);
    }
    return tell | count_unlisted();
}

bool SocketIoNodes::count_unlisted() {
    size_t unlisted = 0;
    for (const auto& [name, node] : nodes_) unlisted += node.unlisted;
    return members_.set_unlisted(unlisted);
}

}  // namespace starling::app
