// What other nodes send.
#include <algorithm>

#include "cluster/native/node.h"

namespace starling::cluster::native {

void Node::received(std::string_view bytes, Millis now) {
    now_ = now;
    ++stats_.messages_received;
    const auto wire = read_wire(bytes);
    if (!wire) {
        ++stats_.malformed;
        return;
    }
    if (wire->from == options_.id) return on_own(*wire);
    if (wire->kind == WireKind::batch && wire->head.to != options_.id) {
        ++stats_.malformed;
        return;
    }
    if (wire->kind == WireKind::bye) return on_bye(wire->from);
    Peer* const peer = find_or_add(wire->from);
    if (!peer) return;
    heard(*peer);
    switch (wire->kind) {
        case WireKind::beat: on_status(*peer, wire->status); break;
        case WireKind::gossip: on_gossip(*peer, *wire); break;
        case WireKind::batch: on_batch(*peer, *wire); break;
        default: on_silent(*wire); break;
    }
    end_questions();
}

// Redis gives a publisher its own messages back.
void Node::on_own(const Wire& wire) {
    const bool has_status = wire.kind == WireKind::beat || wire.kind == WireKind::gossip;
    const bool is_ahead = has_status && is_newer(wire.status.number, number_);
    // The other nodes take no status with an older number any more.
    if (is_ahead) number_ = wire.status.number;
    if (wire.kind == WireKind::batch || is_ahead) {
        ++stats_.impostors;
        events_.on_impostor();
        return;
    }
    if (has_status) on_echo();
}

// After a time without echo, the link or this process stood still: nobody else is to blame.
void Node::on_echo() {
    if (echo_at_ == 0 || now_ - echo_at_ > 2 * options_.beat_ms + echo_slack_ms)
        for (auto& [id, peer] : peers_) peer->heard_at = now_;
    echo_at_ = now_;
    if (first_echo_at_ == 0) first_echo_at_ = now_;
}

void Node::on_bye(NodeId from) {
    Peer* const peer = find(from);
    if (!peer) return;
    peer->is_leaving = true;
    set_away(*peer);
    end_questions();
}

void Node::on_silent(const Wire& wire) {
    for (size_t i = 0; i < word_count(wire.body); ++i) {
        const NodeId id = word_at(wire.body, i);
        for (auto& accusation : accusations_)
            if (accusation.node == id) accused(accusation);
        if (id == options_.id) {
            is_accused_ = true;
            continue;
        }
        Peer* const peer = find(id);
        // The own group is judged by its own beats.
        if (peer && peer->group != group_of(options_.id, options_.groups)) peer->is_accused = true;
    }
}

void Node::on_batch(Peer& peer, const Wire& wire) {
    const BatchHead& head = wire.head;
    if (head.acked_epoch != 0 && is_newer(head.acked_epoch, peer.out.epoch()))
        on_foreign_epoch(peer, head.acked_epoch);
    const bool begins = peer.in.begins(head.epoch);
    if (!begins && head.epoch != peer.in.epoch()) {
        // It may not know of the epoch that is the newest here.
        peer.ack_at = now_;
        return activate(peer);
    }
    peer.seen_version = begins ? head.seen_version : std::max(peer.seen_version, head.seen_version);
    if (head.acked_epoch == peer.out.epoch())
        peer.out.acked(head.acked_next, head.acked_ahead, now_);
    if (head.seq == 0) return;
    switch (peer.in.arrived(head, wire.body)) {
        case InStream::Arrival::stale: return;
        case InStream::Arrival::duplicate:
            ++stats_.duplicates;
            peer.ack_at = now_;  // The last confirmation may be lost.
            break;
        case InStream::Arrival::fresh:
            while (const auto ready = peer.in.next()) {
                stats_.lost += ready->lost;
                if (ready->began_again || ready->lost > 0) events_.on_gap(peer.id, ready->lost);
                on_items(peer, ready->items);
            }
            if (peer.in.ahead() != 0) {
                ++stats_.held;
                peer.ack_at = now_;
            } else if (peer.ack_at == 0) {
                peer.ack_at = now_ + options_.ack_ms;
            }
            break;
    }
    activate(peer);
}

// The peer has got a stream from this node that this node did not begin, and takes nothing older: a
// stranger has sent a batch in the name of this node, or a copy of this machine has.
void Node::on_foreign_epoch(Peer& peer, uint32_t epoch) {
    ++stats_.impostors;
    events_.on_impostor();
    if (is_newer(epoch, epochs_)) epochs_ = epoch;
    peer.out.begin_again(next_epoch());
    activate(peer);
}

void Node::on_items(Peer& peer, std::string_view items) {
    uint64_t publications = 0;
    while (!items.empty()) {
        const auto item = next_item(items);
        if (!item) {
            ++stats_.malformed;
            break;
        }
        publications += item->kind == ItemKind::publication ? 1 : 0;
        on_item(peer, *item);
    }
    peer.in.count(publications);
}

void Node::on_item(Peer& peer, const Item& item) {
    switch (item.kind) {
        case ItemKind::publication: return on_publication(peer, item);
        case ItemKind::question: return on_question(peer, item);
        case ItemKind::answer:
        case ItemKind::counted: return on_answer(peer, item);
        case ItemKind::count: {
            Item counted;
            counted.kind = ItemKind::counted;
            counted.id = item.id;
            counted.number = own_.members(item.number);
            return put(peer, counted);
        }
        case ItemKind::status: return on_status(peer, item.status);
        case ItemKind::sync: return on_sync(peer, item.version);
        case ItemKind::snapshot: return on_snapshot(peer, item);
        case ItemKind::more_snapshot: return send_snapshot(peer, item.version, item.offset);
    }
}

// Into names_. False: none of the rooms is held here. The sender did not know better.
bool Node::read_names(const Item& item) {
    names_.clear();
    bool is_held = item.direct;
    std::string_view rooms = item.rooms;
    while (const auto room = next_room(rooms)) {
        names_.push_back(*room);
        is_held = is_held || own_.members(hash(*room)) > 0;
    }
    return is_held;
}

void Node::on_publication(Peer& peer, const Item& item) {
    if (!read_names(item)) {
        ++stats_.unwanted;
        return;
    }
    ++stats_.delivered;
    events_.on_publication({peer.id, names_, item.payload});
}

void Node::on_question(Peer& peer, const Item& item) {
    if (!read_names(item)) return answer(peer.id, item.id, {}, true);
    events_.on_question(item.id, {peer.id, names_, item.payload});
}

void Node::on_answer(Peer& peer, const Item& item) {
    Question* const question = questions_.find(item.id, peer.id);
    const bool is_count = item.kind == ItemKind::counted;
    if (!question || is_count != (question->room != 0)) {
        ++stats_.late_answers;
        return;
    }
    if (is_count)
        question->members += item.number;
    else if (!item.last || !item.payload.empty())
        events_.on_answer(item.id, peer.id, item.payload);
    // The event may have changed the questions.
    if ((is_count || item.last) && questions_.find(item.id, peer.id))
        questions_.answered(item.id, peer.id, ended_);
}

}  // namespace starling::cluster::native
