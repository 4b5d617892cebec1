// Who holds which rooms: what this node tells, and what it learns.
#include <algorithm>
#include <utility>

#include "cluster/native/node.h"

namespace starling::cluster::native {
namespace {

constexpr size_t gossip_changes_max = 4'096;   // In one message.
constexpr size_t snapshot_rooms_max = 16'384;  // In one part.
constexpr Millis sync_soon_ms = 20;            // A gossip may be on its way.
constexpr Millis sync_again_ms = 300;
constexpr Millis snapshot_stalled_ms = 3'000;
constexpr uint64_t all_rooms = UINT64_MAX;  // In a sync: send them all.

}  // namespace

Status Node::status(bool confirm) {
    Status status;
    status.number = ++number_;
    status.version = own_.version();
    status.digest = own_.digest();
    status.rooms = own_.size();
    status.members = own_.all_members();
    status.groups = options_.groups;
    status.settings_check = options_.settings_check;
    status.floods = floods_;
    status.confirm = confirm;
    status.name = options_.name;
    return status;
}

// So that each node hears about 1,000 gossips a second at most, whatever the number of nodes.
Millis Node::gossip_ms() const noexcept {
    return std::max<Millis>(options_.gossip_ms_min, peers_.size());
}

Millis Node::summary_ms() const noexcept { return std::max<Millis>(1'000, 5 * peers_.size()); }

void Node::beat(bool to_all) {
    write_beat(options_.id, status(!fences_.empty()), scratch_);
    const bool everyone = to_all || beats_to_all();
    events_.send(everyone ? Channel{Channel::Kind::all, 0}
                          : Channel{Channel::Kind::group, group_of(options_.id, options_.groups)},
                 scratch_);
    if (everyone) summary_at_ = now_ + summary_ms();
    // Not all nodes at the same moment.
    if (!to_all || beats_to_all())
        beat_at_ = now_ + options_.beat_ms - random(options_.beat_ms / 8 + 1);
}

void Node::update_floods() {
    if (!floods_ && own_.size() > options_.own_rooms_max)
        floods_ = true;
    else if (floods_ && 2 * own_.size() < options_.own_rooms_max)
        floods_ = false;
}

void Node::gossip() {
    if (now_ < gossip_at_) return;
    const bool has_fence = !fences_.empty() && !fences_.back().is_announced;
    if (!own_.has_changes() && !has_fence && gossip_from_ == UINT64_MAX) return;
    gossip_at_ = now_ + gossip_ms();
    own_.commit();
    update_floods();
    uint64_t from = std::min(gossiped_version_, std::exchange(gossip_from_, UINT64_MAX));
    // Whoever knows an older version than the log asks for a snapshot.
    if (!own_.has_changes_since(from)) from = own_.version();
    for (auto fence = fences_.rbegin(); fence != fences_.rend() && !fence->is_announced; ++fence)
        *fence = {fence->ticket, own_.version(), true};
    gossiped_version_ = own_.version();
    const auto changes = own_.changes_since(from);
    if (floods_ || changes.empty()) return beat(true);
    for (size_t i = 0; i < changes.size(); i += gossip_changes_max) {
        const auto part = changes.subspan(i, std::min(gossip_changes_max, changes.size() - i));
        write_gossip(options_.id, status(!fences_.empty()), from + i, part, scratch_);
        events_.send({Channel::Kind::all, 0}, scratch_);
    }
    summary_at_ = now_ + summary_ms();
    if (beats_to_all()) beat_at_ = now_ + options_.beat_ms;
}

// ---- Fences ---------------------------------------------------------------------------------------

uint64_t Node::fence() {
    if (fences_.size() >= options_.fences_max) return 0;
    const uint64_t version = own_.version();
    const bool is_known =
        !own_.has_changes() && is_seen(version) && (fences_.empty() || fences_.back().is_announced);
    fences_.push_back({++last_ticket_, version, is_known});
    return last_ticket_;
}

bool Node::is_seen(uint64_t version) const noexcept {
    return std::ranges::all_of(peers_, [&](const auto& entry) {
        return entry.second->is_away || entry.second->seen_version >= version;
    });
}

void Node::check_fences() {
    uint64_t done = 0;  // Fences up to this version are done, but for `missing` nodes.
    size_t missing = 0;
    bool is_counted = false;
    while (!fences_.empty() && fences_.front().is_announced) {
        const Fence fence = fences_.front();
        if (!is_counted || fence.version != done) {
            if (!is_seen(fence.version)) return;
            done = fence.version;
            is_counted = true;
            missing = static_cast<size_t>(std::ranges::count_if(peers_, [&](const auto& entry) {
                const Peer& peer = *entry.second;
                return !peer.is_leaving && peer.is_away && peer.seen_version < fence.version;
            }));
        }
        fences_.pop_front();
        events_.on_fence(fence.ticket, missing);
    }
}

// ---- The rooms of others --------------------------------------------------------------------------

void Node::update_flooded(Peer& peer) {
    const bool wanted = peer.gets_everything();
    if (wanted == peer.is_flooded) return;
    peer.is_flooded = wanted;
    if (wanted) {
        peer.sync_at = 0;
        flooded_.push_back(&peer);
    } else {
        std::erase(flooded_, &peer);
    }
}

void Node::retire(RoomTable::Index& index) {
    if (index == RoomTable::none) return;
    by_index_[index] = nullptr;
    table_.retire(std::exchange(index, RoomTable::none));
}

void Node::drop_rooms(Peer& peer) {
    retire(peer.index);
    retire(peer.incoming);
    peer.known_version = 0;
    peer.known_digest = 0;
}

// The node with the most rooms gets everything from now on.
void Node::relieve() {
    Peer* greatest = nullptr;
    size_t most = 0;
    for (auto& [id, peer] : peers_) {
        const size_t rooms = table_.entries_of(peer->index) + table_.entries_of(peer->incoming);
        if (rooms <= most) continue;
        most = rooms;
        greatest = peer.get();
    }
    if (!greatest) return;
    drop_rooms(*greatest);
    greatest->too_many = true;
    update_flooded(*greatest);
}

// False: the rooms of `peer` itself were given up for lack of room.
bool Node::add_room(Peer& peer, RoomTable::Index& index, RoomHash room) {
    while (!peer.too_many) {
        if (index == RoomTable::none) {
            index = table_.allocate();
            if (index == RoomTable::none) {
                drop_rooms(peer);
                peer.too_many = true;
                break;
            }
            if (by_index_.size() <= index) by_index_.resize(index + 1);
            by_index_[index] = &peer;
        }
        if (table_.add(room, index) != RoomTable::Added::full) return true;
        relieve();
    }
    return false;
}

void Node::on_status(Peer& peer, const Status& status) {
    if (peer.has_status && !is_newer(status.number, peer.status_number)) return;
    peer.status_number = status.number;
    peer.rooms = status.rooms;
    peer.members = status.members;
    peer.is_accused = false;
    if (status.groups != options_.groups || status.settings_check != options_.settings_check)
        events_.on_other_settings(status.name, ++stats_.other_settings);
    if (!std::exchange(peer.has_status, true)) {
        peer.name = status.name;
        events_.on_node(peer.id, peer.name, NodeChange::here);
    }
    if (status.confirm) {
        peer.ack_at = now_;
        activate(peer);
    }
    if (status.floods && !peer.floods) drop_rooms(peer);
    if (!status.floods && peer.floods) peer.is_broken = true;
    peer.floods = status.floods;
    if (peer.too_many && table_.entries() + peer.rooms <= options_.table_entries_max / 4 * 3) {
        peer.too_many = false;
        peer.is_broken = true;
    }
    peer.heard_version = std::max(peer.heard_version, status.version);
    const bool is_plain =
        !peer.floods && !peer.too_many && !peer.is_broken && peer.incoming == RoomTable::none;
    if (is_plain && peer.known_version == status.version) {
        peer.confirmed_at = now_;
        if (peer.known_digest != status.digest) {
            ++stats_.mismatches;
            peer.is_broken = true;
        }
    }
    update_flooded(peer);
}

void Node::on_gossip(Peer& peer, const Wire& wire) {
    const uint64_t count = word_count(wire.body);
    const bool is_next =
        wire.from_version <= peer.known_version && wire.from_version + count > peer.known_version;
    if (is_next && !peer.floods && !peer.too_many && !peer.is_broken &&
        peer.incoming == RoomTable::none) {
        for (uint64_t i = peer.known_version - wire.from_version; i < count; ++i) {
            apply(peer, word_at(wire.body, i));
            if (peer.too_many) break;
        }
        if (!peer.too_many) peer.known_version = wire.from_version + count;
        peer.heard_version = std::max(peer.heard_version, peer.known_version);
    }
    on_status(peer, wire.status);
    update_flooded(peer);
}

void Node::apply(Peer& peer, Change change) {
    const RoomHash room = room_of(change);
    if (room == 0) return;  // No hash: a wrong digest will show it.
    if (is_leave(change)) {
        if (peer.index != RoomTable::none) table_.remove(room, peer.index);
    } else if (!add_room(peer, peer.index, room)) {
        return;
    }
    peer.known_digest ^= digest_of(room);
}

void Node::ask_for_rooms() {
    for (Peer* const peer : flooded_) {
        if (peer->is_away || peer->floods || peer->too_many || !peer->has_status) continue;
        if (peer->sync_at == 0) peer->sync_at = now_ + sync_soon_ms;
        if (now_ < peer->sync_at) continue;
        retire(peer->incoming);
        Item item;
        item.kind = ItemKind::sync;
        item.version = peer->is_broken ? all_rooms : peer->known_version;
        put(*peer, item);
        ++stats_.syncs;
        peer->sync_at = now_ + sync_again_ms;
    }
}

// Many nodes ask for the same after a partition: one gossip answers them all.
void Node::on_sync(Peer& peer, uint64_t version) {
    if (floods_) return;
    const bool is_short = own_.has_changes_since(version) &&
                          own_.version() - version <= std::max(gossip_changes_max, own_.size());
    if (is_short)
        gossip_from_ = std::min(gossip_from_, version);
    else
        send_snapshot(peer, all_rooms, 0);
}

void Node::send_snapshot(Peer& peer, uint64_t version, uint64_t offset) {
    if (floods_) return;
    snapshot_at_ = now_;
    const auto snapshot = own_.snapshot();
    const auto& rooms = snapshot->rooms;
    if (version != snapshot->version || offset > rooms.size()) offset = 0;
    const size_t count = std::min(snapshot_rooms_max, rooms.size() - offset);
    std::string words;
    write_words(std::span(rooms).subspan(offset, count), words);
    Item item;
    item.kind = ItemKind::snapshot;
    item.version = snapshot->version;
    item.offset = offset;
    item.total = rooms.size();
    item.payload = words;
    put(peer, item);
}

void Node::on_snapshot(Peer& peer, const Item& item) {
    if (peer.floods || peer.too_many) return;
    if (item.offset == 0) {
        retire(peer.incoming);
        peer.incoming_version = item.version;
        peer.incoming_rooms = peer.incoming_digest = 0;
    } else if (peer.incoming == RoomTable::none || item.version != peer.incoming_version ||
               item.offset != peer.incoming_rooms) {
        return;
    }
    const size_t count = word_count(item.payload);
    for (size_t i = 0; i < count; ++i) {
        const RoomHash room = room_of(word_at(item.payload, i));
        if (room == 0) continue;
        if (!add_room(peer, peer.incoming, room)) return update_flooded(peer);
        peer.incoming_digest ^= digest_of(room);
    }
    peer.incoming_rooms += count;
    if (peer.incoming_rooms == item.total) return end_snapshot(peer);
    Item more;
    more.kind = ItemKind::more_snapshot;
    more.version = item.version;
    more.offset = peer.incoming_rooms;
    put(peer, more);
    peer.sync_at = now_ + snapshot_stalled_ms;
}

void Node::end_snapshot(Peer& peer) {
    retire(peer.index);
    peer.index = std::exchange(peer.incoming, RoomTable::none);
    peer.known_version = peer.incoming_version;
    peer.known_digest = peer.incoming_digest;
    peer.heard_version = std::max(peer.heard_version, peer.known_version);
    peer.is_broken = false;
    peer.sync_at = 0;
    ++stats_.snapshots;
    update_flooded(peer);
}

}  // namespace starling::cluster::native
