#include "cluster/native/node.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace starling::cluster::native {
namespace {

constexpr Millis check_every_ms = 25;
// A node of another group is heard rarely; its own group reports it earlier.
constexpr Millis rare_silence_ms = 10'000;
// All members of a group see a silence at about the same time. One of them reports it first.
constexpr Millis accuse_within_ms = 60;
constexpr Millis accuse_again_ms = 1'000;
constexpr Millis back_within_ms = 100;
// A group with fewer members that are there is judged by everyone.
constexpr size_t group_nodes_min = 3;
constexpr Millis snapshot_idle_ms = 30'000;
constexpr size_t departed_max = 64;
constexpr Millis late_ms_max =
    10'000;  // No message of a node that has ended is on its way so long.
// Besides ack_ms, the time in which a confirmation comes from a node that was there all along.
constexpr Millis confirm_slack_ms = 50;

}  // namespace

Node::Node(Options options, Events& events)
    : options_(std::move(options)),
      events_(events),
      random_(options_.seed),
      own_(options_.seed, options_.log_changes_max),
      table_(options_.seed, options_.table_entries_max),
      group_nodes_(options_.groups),
      counts_(options_.counts_max) {
    STARLING_ASSERT(options_.id != 0 && options_.groups > 0);
    STARLING_ASSERT(options_.name.size() <= name_bytes_max);
}

Node::~Node() = default;

std::vector<Channel> Node::channels() const {
    std::vector<Channel> channels{{Channel::Kind::all, 0}, {Channel::Kind::node, options_.id}};
    if (options_.groups > 1)
        channels.push_back({Channel::Kind::group, group_of(options_.id, options_.groups)});
    return channels;
}

uint64_t Node::random(uint64_t below) noexcept {
    random_ += 0x9E3779B97F4A7C15;
    return mix64(random_) % below;
}

void Node::link(bool is_up, Millis now) {
    now_ = now;
    is_up_ = is_up;
    echo_at_ = first_echo_at_ = 0;
    if (!is_up) return;
    linked_at_ = beat_at_ = summary_at_ = now;
    for (auto& [id, peer] : peers_) {
        peer->out.send_again();
        peer->is_awaited = true;
    }
}

void Node::tick(Millis now) {
    now_ = now;
    if (is_up_) {
        gossip();
        if (options_.groups > 1 && (is_accused_ || now >= summary_at_)) beat(true);
        if (is_accused_ || now >= beat_at_) beat(!fences_.empty());
        is_accused_ = false;
        send_accusations();
    }
    if (now >= check_at_) {
        check_at_ = now + check_every_ms;
        check_silence();
        const bool was_heard = is_up_ && first_echo_at_ != 0;
        has_met_others_ |= was_heard && now - first_echo_at_ >= options_.beat_ms;
        questions_.expire(now, ended_);
        if (snapshot_at_ + snapshot_idle_ms < now) own_.forget_snapshot();
    }
    table_.sweep();
    ask_for_rooms();
    check_fences();
    send_streams();
    end_questions();
}

Millis Node::next_tick() const noexcept {
    Millis next = std::max(check_at_, now_ + 1);
    if (is_up_) next = std::min(next, std::max(beat_at_, now_ + 1));
    if (is_up_ && (own_.has_changes() || !fences_.empty()))
        next = std::min(next, std::max(gossip_at_, now_ + 1));
    return active_.empty() ? next : std::min(next, now_ + options_.gossip_ms_min);
}

void Node::leave(Millis now) {
    now_ = now;
    if (!is_up_) return;
    send_streams();
    write_bye(options_.id, scratch_);
    events_.send({Channel::Kind::all, 0}, scratch_);
}

// ---- Nodes ----------------------------------------------------------------------------------------

Peer* Node::find(NodeId id) noexcept {
    const auto place = peers_.find(id);
    return place == peers_.end() ? nullptr : place->second.get();
}

Peer* Node::find_or_add(NodeId id) {
    if (Peer* const peer = find(id)) return peer;
    if (const auto departed = std::ranges::find(departed_, id, &Departed::id);
        departed != departed_.end()) {
        if (now_ < departed->until) return nullptr;
        departed_.erase(departed);
    }
    if (peers_.size() >= options_.nodes_max) {
        ++stats_.refused;
        return nullptr;
    }
    auto made = std::make_unique<Peer>(id, pool_, options_, next_epoch());
    Peer& peer = *made;
    peers_.emplace(id, std::move(made));
    peer.heard_at = now_;
    update_flooded(peer);
    // It may not know this node yet, and does not wait for the next beat.
    Item item;
    item.kind = ItemKind::status;
    item.status = status(false);
    put(peer, item);
    return &peer;
}

uint32_t Node::next_epoch() noexcept {
    if (++epochs_ == 0) ++epochs_;  // 0 means: no stream.
    return epochs_;
}

void Node::activate(Peer& peer) {
    if (std::exchange(peer.is_active, true)) return;
    active_.push_back(&peer);
}

void Node::heard(Peer& peer) {
    peer.heard_at = now_;
    // It may have come back to Redis later than this node: what was sent until now has reached nobody.
    if (std::exchange(peer.is_awaited, false)) {
        peer.returned_at = now_;
        peer.resend_at = std::max(now_, linked_at_ + options_.ack_ms + confirm_slack_ms);
    }
    if (!peer.is_away || peer.is_leaving) return;
    peer.is_away = false;
    peer.out.send_again();
    activate(peer);
    if (peer.has_status) events_.on_node(peer.id, peer.name, NodeChange::back);
    // Where a partition healed, nodes on its other side may not know who is silent.
    if (options_.groups == 1) return;
    for (auto& [id, other] : peers_)
        if (other->is_away) accuse(*other, accuse_again_ms);
    // Nor do they hear the beats of this node's group.
    if (peer.group == group_of(options_.id, options_.groups))
        summary_at_ = std::min(summary_at_, now_ + random(back_within_ms));
}

// The own group reports its silent nodes to the others: one of its members, at growing intervals,
// since a report may be lost.
void Node::accuse(Peer& peer, Millis delay) {
    if (options_.groups == 1 || peer.group != group_of(options_.id, options_.groups)) return;
    const Millis at = now_ + delay + random(accuse_within_ms);
    for (auto& accusation : accusations_) {
        if (accusation.node != peer.id) continue;
        accusation.at = std::min(accusation.at, at);
        return;
    }
    accusations_.push_back({peer.id, at, accuse_again_ms});
}

void Node::accused(Accusation& accusation) {
    accusation.at = now_ + accusation.again_ms + random(accuse_within_ms);
    accusation.again_ms *= 2;
}

void Node::set_away(Peer& peer) {
    if (std::exchange(peer.is_away, true)) return;
    peer.away_at = now_;
    questions_.node_away(peer.id, ended_);
    if (peer.has_status)
        events_.on_node(peer.id, peer.name,
                        peer.is_leaving ? NodeChange::leaves : NodeChange::away);
}

void Node::forget(Peer& peer) {
    const NodeId id = peer.id;
    if (peer.is_leaving) {
        if (departed_.size() == departed_max) departed_.pop_front();
        departed_.push_back({id, now_ + late_ms_max});
    } else {
        const size_t waiting = peer.out.publications();
        stats_.forgotten += waiting;
        stats_.dropped += waiting;
    }
    drop_rooms(peer);
    std::erase(flooded_, &peer);
    std::erase(active_, &peer);
    questions_.node_away(id, ended_);
    const auto kept = std::move(peers_.at(id));
    peers_.erase(id);
    if (kept->has_status) events_.on_node(id, kept->name, NodeChange::gone);
}

Millis Node::silence_max(const Peer& peer) const noexcept {
    if (peer.is_accused || peer.group == group_of(options_.id, options_.groups) ||
        group_nodes_[peer.group] < group_nodes_min)
        return options_.away_after_ms;
    return std::max(rare_silence_ms, 4 * summary_ms());
}

void Node::count_groups() {
    std::ranges::fill(group_nodes_, 0);
    ++group_nodes_[group_of(options_.id, options_.groups)];
    for (const auto& [id, peer] : peers_)
        if (!peer->is_away) ++group_nodes_[peer->group];
}

// One more than group_nodes_min: others may count one node less for a moment.
bool Node::beats_to_all() const noexcept {
    return options_.groups == 1 ||
           group_nodes_[group_of(options_.id, options_.groups)] <= group_nodes_min;
}

// Silence of others means something only while the own beats come back.
void Node::check_silence() {
    count_groups();
    const bool works =
        is_up_ && echo_at_ != 0 && now_ - echo_at_ <= options_.beat_ms + echo_slack_ms;
    if (!works) return;
    std::vector<Peer*> over;
    for (auto& [id, entry] : peers_) {
        Peer& peer = *entry;
        if (peer.is_away) {
            const Millis limit = peer.is_leaving ? options_.bye_ms : options_.forget_after_ms;
            if (now_ - peer.away_at >= limit) over.push_back(&peer);
        } else if (now_ - peer.heard_at >= silence_max(peer)) {
            set_away(peer);
            accuse(peer, 0);
        }
    }
    for (Peer* const peer : over) forget(*peer);
}

void Node::send_accusations() {
    std::vector<NodeId> silent;
    std::erase_if(accusations_, [&](Accusation& accusation) {
        const Peer* const peer = find(accusation.node);
        if (!peer || !peer->is_away) return true;
        if (accusation.at > now_) return false;
        silent.push_back(accusation.node);
        accused(accusation);
        return false;
    });
    if (silent.empty()) return;
    write_silent(options_.id, silent, scratch_);
    events_.send({Channel::Kind::all, 0}, scratch_);
}

// ---- Streams --------------------------------------------------------------------------------------

void Node::send_streams() {
    if (!is_up_) return;
    size_t kept = 0;
    for (size_t i = 0; i < active_.size(); ++i) {
        Peer& peer = *active_[i];
        if (!peer.is_away) {
            if (peer.resend_at != 0 && peer.resend_at <= now_) {
                peer.resend_at = 0;
                peer.out.send_again(peer.returned_at);
            }
            peer.out.flush(now_, [&](OutStream::Batch& batch) { send_batch(peer, &batch); });
            if (peer.ack_at != 0 && peer.ack_at <= now_) send_batch(peer, nullptr);
        }
        peer.is_active = !peer.out.is_idle() || peer.ack_at != 0;
        if (peer.is_active) active_[kept++] = &peer;
    }
    active_.resize(kept);
}

// Null: only a confirmation.
void Node::send_batch(Peer& peer, OutStream::Batch* batch) {
    BatchHead head;
    head.to = peer.id;
    head.epoch = peer.out.epoch();
    if (batch) {
        head.seq = batch->seq;
        head.back = static_cast<uint32_t>(batch->seq - peer.out.oldest());
        head.before = batch->before;
        stats_.resent += batch->was_sent ? 1 : 0;
    } else {
        scratch_.resize(batch_head_bytes);
    }
    head.acked_epoch = peer.in.epoch();
    head.acked_next = peer.in.next_seq();
    head.acked_ahead = peer.in.ahead();
    head.seen_version = std::max(peer.known_version, peer.heard_version);
    std::string& bytes = batch ? batch->bytes : scratch_;
    write_batch_head(options_.id, head, bytes);
    peer.ack_at = 0;
    ++stats_.batches;
    stats_.bytes_sent += bytes.size();
    events_.send({Channel::Kind::node, peer.id}, bytes);
}

void Node::end_questions() {
    while (!ended_.empty()) {
        const auto ended = std::exchange(ended_, {});
        for (const auto& [id, question] : ended) {
            if (question.room == 0) {
                events_.on_answered(id, question.outcome);
                continue;
            }
            counts_.answered(question, now_);
            events_.on_count(question.room, {own_.members(question.room) + question.members,
                                             question.outcome.missing.size(), 0, true});
        }
    }
}

bool Node::has_unconfirmed() const noexcept {
    return std::ranges::any_of(
        active_, [](const Peer* peer) { return !peer->is_away && !peer->out.is_idle(); });
}

uint64_t Node::unconfirmed() const noexcept {
    uint64_t sum = 0;
    for (const auto& [id, peer] : peers_) sum += peer->out.publications();
    return sum;
}

size_t Node::memory() const noexcept {
    return own_.bytes() + table_.bytes() + pool_.queued_bytes + pool_.held_bytes +
           peers_.size() * sizeof(Peer);
}

}  // namespace starling::cluster::native
