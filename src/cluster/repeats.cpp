#include "cluster/repeats.h"

#include <algorithm>
#include <charconv>

namespace starling::cluster {
namespace {

constexpr size_t uid_bytes_max = 64;

struct Name {
    std::string_view uid;
    uint64_t number = 0;  // 0: it has none.
};

Name name_of(const Entry& entry) noexcept {
    Name name;
    for (const auto& [field, value] : entry) {
        if (field == "uid" && value.size() <= uid_bytes_max) name.uid = value;
        if (field != Repeats::field) continue;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), name.number);
        if (error != std::errc() || end != value.data() + value.size()) name.number = 0;
    }
    if (name.uid.empty()) name.number = 0;
    return name;
}

}  // namespace

Repeats::Node& Repeats::node_of(std::string_view uid) {
    if (const auto found = nodes_.find(uid); found != nodes_.end()) return *found->second;
    if (nodes_.size() >= nodes_max_)
        nodes_.erase(std::ranges::min_element(
            nodes_, {}, [](const Nodes::value_type& node) { return node.second->used_at; }));
    return *nodes_.emplace(uid, std::make_unique<Node>()).first->second;
}

std::optional<Repeats::StreamId> Repeats::read(const Entry& entry, StreamId id) {
    const auto [uid, number] = name_of(entry);
    if (number == 0) return std::nullopt;
    Node& node = node_of(uid);
    node.used_at = ++reads_;
    if (number > node.newest) {
        const uint64_t skipped = std::min<uint64_t>(number - node.newest - 1, kept_of_a_node);
        for (uint64_t i = 1; i <= skipped; ++i) node.ids[(number - i) % kept_of_a_node] = {};
        node.newest = number;
    } else if (node.newest - number >= kept_of_a_node) {
        return std::nullopt;
    } else if (const StreamId first = node.ids[number % kept_of_a_node]; first != StreamId{}) {
        return first;
    }
    node.ids[number % kept_of_a_node] = id;
    return std::nullopt;
}

std::optional<Repeats::StreamId> Repeats::first_of(const Entry& entry) const {
    const auto [uid, number] = name_of(entry);
    const auto found = number == 0 ? nodes_.end() : nodes_.find(uid);
    if (found == nodes_.end()) return std::nullopt;
    const Node& node = *found->second;
    if (number > node.newest || node.newest - number >= kept_of_a_node) return std::nullopt;
    const StreamId first = node.ids[number % kept_of_a_node];
    return first == StreamId{} ? std::nullopt : std::optional(first);
}

}  // namespace starling::cluster
