#include "cluster/repeats.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "cluster/own_events.h"

namespace starling::cluster {
namespace {

constexpr size_t uid_bytes_max = 64;

struct Name {
    std::string_view uid;
    uint64_t number = 0;  // 0: it has none.
    uint64_t first = 0;
};

bool read_number(std::string_view text, uint64_t& number) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

// "17 15"
bool read_value(std::string_view text, Name& name) noexcept {
    const size_t space = text.find(' ');
    return space != std::string_view::npos && read_number(text.substr(0, space), name.number) &&
           read_number(text.substr(space + 1), name.first) && name.first <= name.number;
}

std::string_view field_of(const Entry& entry, std::string_view name) noexcept {
    const auto found = std::ranges::find(entry, name, &Entry::value_type::first);
    return found == entry.end() ? std::string_view() : std::string_view(found->second);
}

Name name_of(const Entry& entry) noexcept {
    Name name{.uid = field_of(entry, "uid")};
    if (name.uid.empty() || name.uid.size() > uid_bytes_max ||
        !read_value(field_of(entry, Repeats::field), name))
        name.number = 0;
    return name;
}

}  // namespace

std::string Repeats::value_of(uint64_t number, uint64_t first) {
    return std::to_string(number) + " " + std::to_string(first);
}

Repeats::Node& Repeats::node_of(std::string_view uid) {
    if (const auto found = nodes_.find(uid); found != nodes_.end()) return found->second;
    if (nodes_.size() >= nodes_max_)
        nodes_.erase(std::ranges::min_element(
            nodes_, {}, [](const Nodes::value_type& node) { return node.second.used_at; }));
    return nodes_.emplace(uid, Node()).first->second;
}

void Repeats::may_come(uint64_t now_ms, std::string_view all_answered) {
    until_ms_ = now_ms + may_come_ms;
    ++losses_;
    const auto found = nodes_.find(all_answered);
    if (found != nodes_.end()) nodes_.erase(found);
}

bool Repeats::may_still_come(uint64_t now_ms) const noexcept {
    return now_ms < until_ms_ && std::ranges::any_of(nodes_, [this](const Nodes::value_type& one) {
               const Node& node = one.second;
               const uint64_t newest = node.loss == losses_ ? node.newest : 0;
               return !node.items.empty() && node.items.back().number > newest;
           });
}

std::optional<Repeats::StreamId> Repeats::read(const Entry& entry, StreamId id, uint64_t now_ms) {
    const auto [uid, number, first] = name_of(entry);
    if (number == 0) return std::nullopt;
    Node& node = node_of(uid);
    node.used_at = ++reads_;
    node.newest = std::max(number, std::exchange(node.loss, losses_) == losses_ ? node.newest : 0);
    auto& items = node.items;
    while (!items.empty() && items.front().number < first) items.pop_front();
    const uint64_t print = OwnEvents::print_of(entry);
    const auto at = std::ranges::lower_bound(items, number, {}, &Item::number);
    if (at == items.end() || at->number != number) {
        items.insert(at, {number, id, print});
        if (items.size() > entries_max) items.pop_front();
        return std::nullopt;
    }
    if (at->print == print && now_ms < until_ms_) return at->id;
    *at = {number, id, print};
    return std::nullopt;
}

}  // namespace starling::cluster
