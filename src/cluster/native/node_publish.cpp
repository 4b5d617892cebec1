// What a node sends to others and asks them.
#include <algorithm>
#include <utility>

#include "cluster/native/node.h"

namespace starling::cluster::native {

// Visits each node once that holds one of the rooms, that may hold one, or that is named.
template <class Visit>
void Node::for_each_target(const Target& target, Visit visit) {
    ++mark_;
    const auto once = [&](Peer& peer) {
        if (std::exchange(peer.mark, mark_) != mark_ && !peer.is_leaving) visit(peer);
    };
    if (target.everyone) {
        for (auto& [id, peer] : peers_) once(*peer);
        return;
    }
    for (const NodeId id : target.nodes)
        if (Peer* const peer = find(id)) once(*peer);
    if (target.rooms.empty()) return;
    for (const auto room : target.rooms)
        table_.for_each_holder(hash(room), [&](RoomTable::Index index) {
            if (Peer* const peer = by_index_[index]) once(*peer);
        });
    for (Peer* const peer : flooded_) once(*peer);
}

// Into item_.
bool Node::encode(const Item& item, std::span<const std::string_view> rooms) {
    item_.clear();
    if (item.payload.size() > options_.publication_bytes_max || !write_item(item, rooms, item_)) {
        ++stats_.refused;
        return false;
    }
    return true;
}

void Node::put(Peer& peer, bool is_publication) {
    const size_t share = options_.queue_bytes_max / std::max<size_t>(1, peers_.size());
    stats_.dropped += peer.out.append(item_, is_publication, share);
    activate(peer);
}

void Node::put(Peer& peer, const Item& item) {
    if (encode(item, {})) put(peer, false);
}

std::optional<size_t> Node::publish(const Target& target, std::string_view payload) {
    Item item;
    item.kind = ItemKind::publication;
    item.direct = target.everyone || !target.nodes.empty();
    item.payload = payload;
    if (!encode(item, target.rooms)) return std::nullopt;
    ++stats_.published;
    size_t nodes = 0;
    for_each_target(target, [&](Peer& peer) {
        put(peer, true);
        ++nodes;
        ++stats_.copies;
        stats_.flooded += peer.is_flooded && !item.direct ? 1 : 0;
    });
    return nodes;
}

std::optional<uint64_t> Node::ask(const Target& target, std::string_view payload, Millis now,
                                  Millis wait_ms) {
    now_ = now;
    if (questions_.size() >= options_.questions_max) {
        ++stats_.refused;
        return std::nullopt;
    }
    Question question;
    question.deadline = now + (wait_ms == 0 ? options_.question_ms : wait_ms);
    Item item;
    item.kind = ItemKind::question;
    item.direct = target.everyone || !target.nodes.empty();
    item.id = questions_.next_id();
    item.payload = payload;
    if (!encode(item, target.rooms)) return std::nullopt;
    for_each_target(target, [&](Peer& peer) {
        (peer.is_away ? question.outcome.missing : question.waiting).push_back(peer.id);
        if (!peer.is_away) put(peer, false);
    });
    // A named node that nobody knows cannot answer either.
    for (const NodeId id : target.nodes)
        if (!find(id) && id != options_.id) question.outcome.missing.push_back(id);
    ++stats_.published;
    const uint64_t id = questions_.add(std::move(question));
    questions_.end_if_done(id, ended_);
    return id;
}

void Node::answer(NodeId to, uint64_t id, std::string_view payload, bool is_last) {
    Peer* const peer = find(to);
    if (!peer) return;
    Item item;
    item.kind = ItemKind::answer;
    item.id = id;
    item.last = is_last;
    item.payload = payload;
    if (encode(item, {})) return put(*peer, false);
    // Too long: the asker shall not wait for it.
    item.payload = {};
    put(*peer, item);
}

Count Node::count(std::string_view room, Millis now) {
    now_ = now;
    const RoomHash number = hash(room);
    Counts::Entry& entry = counts_.at(number);
    const bool is_old = !entry.is_known || now - entry.answered_at >= options_.count_ms;
    if (is_old && !entry.is_asked && questions_.size() < options_.questions_max) {
        Item item;
        item.kind = ItemKind::count;
        item.number = number;
        item.id = questions_.next_id();
        Question question;
        question.room = number;
        question.deadline = now + options_.question_ms;
        if (encode(item, {})) {
            for_each_target({.rooms = std::span(&room, 1), .nodes = {}}, [&](Peer& peer) {
                (peer.is_away ? question.outcome.missing : question.waiting).push_back(peer.id);
                if (!peer.is_away) put(peer, false);
            });
            entry.is_asked = true;
            if (question.waiting.empty()) {
                entry = {0, question.outcome.missing.size(), now, true, false};
            } else {
                questions_.add(std::move(question));
            }
        }
    }
    return {own_.members(number) + entry.members, entry.missing,
            entry.is_known ? now - entry.answered_at : 0, entry.is_known};
}

Holders Node::holders(std::string_view room, Millis now) const {
    Holders holders;
    table_.for_each_holder(hash(room), [&](RoomTable::Index index) {
        const Peer* const peer = by_index_[index];
        if (peer && peer->index == index)
            (peer->is_away ? holders.away : holders.nodes).push_back(peer->id);
    });
    for (const auto& [id, peer] : peers_) {
        if (peer->is_away) continue;
        if (peer->is_flooded)
            ++holders.uncertain;
        else
            holders.age_ms = std::max(holders.age_ms, now - peer->confirmed_at);
    }
    return holders;
}

std::vector<Node::Known> Node::nodes(Millis now) const {
    std::vector<Known> known;
    known.reserve(peers_.size());
    for (const auto& [id, peer] : peers_)
        known.push_back(
            {id, peer->name, peer->is_away, peer->rooms, peer->members, now - peer->heard_at});
    return known;
}

}  // namespace starling::cluster::native
