#include "hub/presence_nodes.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/assert.h"

namespace starling::hub {

using Kind = PresenceMessage::Kind;

PresenceNodes::PresenceNodes(const Presence::Limits& limits, Tell tell)
    : members_(limits), tell_(std::move(tell)) {}

PresenceNodes::~PresenceNodes() = default;

// ---- this node's members ------------------------------------------------------------------------

Presence::Entered PresenceNodes::enter(std::string_view channel, Presence::Form form,
                                       PresenceMember member, uint64_t now_ms) {
    Presence::Leaving leaving{std::string(channel),
                              Presence::key_of(form, member.client, member.user)};
    auto entered = members_.enter(channel, form, std::move(member));
    if (!link_ || entered.full) return entered;
    try {
        hold(channel, leaving.key, now_ms);
    } catch (...) {
        static_cast<void>(members_.leave(std::move(leaving)));
        throw;
    }
    link_->changed();
    return entered;
}

// The channel has one connection more. Throws std::bad_alloc, and then it has not.
void PresenceNodes::hold(std::string_view channel, std::string key, uint64_t now_ms) {
    const auto [found, added] = channels_.try_emplace(std::string(channel));
    const auto& name = found->first;
    Channel& held = found->second;
    if (const auto handover = held.handovers.find(key); handover != held.handovers.end())
        held.handovers.erase(handover);
    try {
        held.changed.insert_or_assign(std::move(key), 0);
        changed_.insert(name);
        if (added) {
            held.serial = ++serials_;
            held.since_ms = now_ms;
            link_->joined(name);
            link_->fence(name, held.serial);
        }
    } catch (...) {
        if (held.serial != 0 && added) link_->left(name);
        if (added) channels_.erase(found);
        throw;
    }
    ++held.connections;
}

std::optional<PresenceChange> PresenceNodes::leave(Presence::Leaving&& leaving) noexcept {
    if (link_) note_leaving(leaving);
    return members_.leave(std::move(leaving));
}

void PresenceNodes::note_leaving(const Presence::Leaving& leaving) noexcept {
    const auto found = channels_.find(leaving.channel);
    STARLING_ASSERT(found != channels_.end());
    Channel& held = found->second;
    --held.connections;
    NodeId heir = 0;
    try {
        heir = hand_over(held, leaving);
    } catch (const std::bad_alloc&) {  // If another node does the same now, nobody reports.
    }
    try {
        held.changed.insert_or_assign(leaving.key, heir);
    } catch (const std::bad_alloc&) {
        held.all_changed = true;
    }
    try {
        changed_.insert(found->first);
    } catch (const std::bad_alloc&) {
        any_changed_ = true;
    }
    link_->changed();
}

PresenceList PresenceNodes::list(std::string_view channel, size_t limit, uint64_t now_ms) const {
    PresenceList list = members_.list(channel, limit);
    if (!link_) return list;
    uint64_t oldest_ms = now_ms;
    if (const auto found = channels_.find(channel); found != channels_.end()) {
        const Channel& held = found->second;
        if (!held.is_known) oldest_ms = held.since_ms;
        for (const auto& [node, replica] : held.replicas)
            oldest_ms = std::min(oldest_ms, replica.matched_ms);
        if (now_ms < held.since_ms + all_heard_ms) list.missing = held.missing;
    }
    list.age_ms = now_ms - oldest_ms;
    return list;
}

bool PresenceNodes::is_held(std::string_view channel) const {
    return !link_ || channels_.contains(channel);
}

bool PresenceNodes::is_known(std::string_view channel) const {
    const auto found = channels_.find(channel);
    return found == channels_.end() || found->second.is_known;
}

void PresenceNodes::when_known(std::string_view channel, std::function<void()> known) {
    if (is_known(channel)) return known();
    channels_.find(channel)->second.waiting.push_back(std::move(known));
}

void PresenceNodes::become_known(Channel& channel) {
    channel.is_known = true;
    for (const auto& known : std::exchange(channel.waiting, {})) known();
}

// ---- what is sent -------------------------------------------------------------------------------

PresenceTable PresenceNodes::table_of(const std::string& name, const Channel& channel) const {
    PresenceTable table{name, 0, channel.version, members_.claims_of(name, Presence::here)};
    // The others list the oldest members of such a channel.
    if (table.claims.size() > PresenceMessage::claims_max)
        table.claims.resize(PresenceMessage::claims_max);
    return table;
}

void PresenceNodes::flush() {
    if (any_changed_)
        for (const auto& [name, channel] : channels_)
            if (channel.all_changed || !channel.changed.empty()) changed_.insert(name);
    any_changed_ = false;
    for (; !changed_.empty(); changed_.erase(changed_.begin())) {
        const auto found = channels_.find(*changed_.begin());
        if (found == channels_.end()) continue;
        flush(found->first, found->second);
        const Channel& held = found->second;
        if (held.connections == 0 && held.handovers.empty()) close(found->first, found->second);
    }
}

void PresenceNodes::flush(const std::string& name, Channel& channel) {
    const auto changed = std::exchange(channel.changed, {});
    const bool all = std::exchange(channel.all_changed, false);
    if (changed.empty() && !all) return;
    const uint64_t before = std::exchange(channel.version, ++versions_);
    PresenceTable table{name, before, channel.version};
    if (before == 0 || all || changed.size() > PresenceMessage::claims_max)
        table = table_of(name, channel);
    else
        for (const auto& [key, heir] : changed) {
            table.claims.push_back(members_.claim_of(name, Presence::here, key));
            table.claims.back().heir = heir;
        }
    PresenceMessage message{.kind = Kind::confirm, .tables = {std::move(table)}};
    ask_heirs(name, channel, message);
    message.kind = Kind::tables;
    link_->publish(name, encode(message));
}

// Nobody here hears of the channel any more.
void PresenceNodes::close(const std::string& name, Channel& channel) {
    for (auto& [node, replica] : channel.replicas)
        for (auto& claim : members_.claims_of(name, node)) {
            claim.connections = 0;
            static_cast<void>(members_.claim(name, node, claim));
        }
    link_->left(name);
    become_known(channel);  // Nobody else answers what waits.
    channels_.erase(channels_.find(name));
}

void PresenceNodes::want(NodeId from, std::vector<std::string> channels) {
    if (channels.empty()) return;
    link_->send(from, encode({.kind = Kind::want, .channels = std::move(channels)}));
}

void PresenceNodes::send_digests(NodeId to) {
    flush();
    const bool one = channels_.size() <= PresenceMessage::parts_max;
    PresenceMessage message{.kind = one ? Kind::all : Kind::digests};
    for (const auto& [name, channel] : channels_) {
        message.digests.push_back({name, channel.version});
        if (message.digests.size() < PresenceMessage::parts_max) continue;
        link_->send(to, encode(message));
        message.digests.clear();
    }
    if (one || !message.digests.empty()) link_->send(to, encode(message));
}

// ---- what other nodes say -----------------------------------------------------------------------

void PresenceNodes::claim(const std::string& name, Channel& channel, Replica& replica, NodeId from,
                          const PresenceClaim& claim) {
    const bool was = members_.claim_of(name, from, claim.key).connections > 0;
    const auto entered = members_.claim(name, from, claim);
    if (entered.full) replica.is_complete = false;
    const bool is = claim.connections > 0 && !entered.full;
    replica.claims += static_cast<size_t>(is) - static_cast<size_t>(was);
    const bool has_left = entered.change && !entered.change->joined;
    bool reports =
        was && !is && crosses_handover(name, channel, {claim.key, from, has_left, claim.heir});
    if (!entered.change) return;
    if (const auto found = reported_.find(from); found != reported_.end()) {
        reports |= entered.change->joined && found->second.erase({name, claim.key}) > 0;
        if (found->second.empty()) reported_.erase(found);
    }
    if (tell_) tell_(*entered.change, reports);
}

void PresenceNodes::replace(const std::string& name, Channel& channel, Replica& replica,
                            NodeId from, const PresenceTable& table) {
    std::set<std::string_view> keys;
    for (const auto& one : table.claims) keys.insert(one.key);
    replica.is_complete = true;
    for (auto& old : members_.claims_of(name, from)) {
        if (keys.contains(old.key)) continue;
        old.connections = 0;
        claim(name, channel, replica, from, old);
    }
}

void PresenceNodes::apply(NodeId from, const PresenceTable& table, uint64_t now_ms) {
    const auto found = channels_.find(table.channel);
    if (found == channels_.end() || from == self_ || away_.contains(from)) return;
    const std::string& name = found->first;
    const auto [entry, is_new] = found->second.replicas.try_emplace(from);
    Replica& replica = entry->second;
    replica.heard_ms = now_ms;
    if (table.version == replica.version) replica.matched_ms = now_ms;
    if (table.version <= replica.version) return;
    if (table.before == 0) {
        replace(name, found->second, replica, from, table);
    } else if (table.before != replica.version) {
        // A replica from before may have members, although check() has set its version to 0.
        if (is_new) found->second.replicas.erase(entry);
        return want(from, {name});
    }
    for (const auto& one : table.claims) claim(name, found->second, replica, from, one);
    replica.version = table.version;  // Not if there was no memory: then a digest asks again.
    replica.matched_ms = now_ms;
    if (table.before == 0) replica.claims = members_.claims_of(name, from).size();
    if (replica.claims == 0 && replica.is_complete) found->second.replicas.erase(entry);
}

bool PresenceNodes::is_lowest(const Channel& channel, NodeId without) const {
    return std::ranges::all_of(channel.replicas, [&](const auto& one) {
        return one.first == without || self_ < one.first;
    });
}

void PresenceNodes::drop(const std::string& name, Channel& channel, NodeId node, bool died) {
    channel.replicas.erase(node);
    // Without a member here, the others do not count this node.
    const bool is_heir = channel.connections > 0 && is_lowest(channel, node);
    const bool is_alone = channel.replicas.empty();
    for (auto& claim : members_.claims_of(name, node)) {
        claim.connections = 0;
        const auto entered = members_.claim(name, node, claim);
        const bool crossed =
            crosses_handover(name, channel, {claim.key, node, entered.change.has_value(), 0});
        if (!entered.change) continue;
        const bool reports = died ? is_heir || (crossed && is_alone) : crossed;
        if (died && reports) reported_[node].emplace(name, claim.key);
        if (tell_) tell_(*entered.change, reports);
    }
}

PresenceMessage PresenceNodes::answer_to(const PresenceMessage& message) {
    flush();
    // Each once, however often the message names it.
    std::set<std::string> names(message.channels.begin(), message.channels.end());
    for (const auto& table : message.tables) names.insert(table.channel);
    PresenceMessage answer{.kind = Kind::tables};
    for (const auto& name : names) {
        const auto found = channels_.find(name);
        if (found == channels_.end())  // It has left: there are no claims any more.
            answer.tables.push_back({name, 0, ++versions_});
        else
            answer.tables.push_back(table_of(name, found->second));
    }
    return answer;
}

void PresenceNodes::on_message(NodeId from, std::string_view bytes, uint64_t now_ms) {
    const auto message = decode_presence(bytes);
    if (!message) {
        ++malformed_;
        return;
    }
    switch (message->kind) {
        case Kind::tables:
        case Kind::confirm:
            for (const auto& table : message->tables) apply(from, table, now_ms);
            return;
        case Kind::digests:
        case Kind::all: return compare(from, *message, now_ms);
        case Kind::want: return link_->send(from, encode(answer_to(*message)));
        case Kind::hello: return send_digests(from);
    }
}

void PresenceNodes::compare(NodeId from, const PresenceMessage& message, uint64_t now_ms) {
    if (away_.contains(from)) return;
    std::vector<std::string> lacking;
    std::set<std::string_view> held;
    for (const auto& digest : message.digests) {
        held.insert(digest.channel);
        const auto found = channels_.find(digest.channel);
        if (found == channels_.end()) continue;
        auto& replicas = found->second.replicas;
        const auto replica = replicas.find(from);
        if (replica != replicas.end()) replica->second.heard_ms = now_ms;
        if (replica == replicas.end() || replica->second.version < digest.version)
            lacking.push_back(digest.channel);
        else
            replica->second.matched_ms = now_ms;
    }
    want(from, std::move(lacking));
    if (message.kind != Kind::all) return;
    for (auto& [name, channel] : channels_)  // What the node has left.
        if (!held.contains(name) && channel.replicas.contains(from))
            drop(name, channel, from, false);
}

std::string PresenceNodes::on_question(NodeId from, std::string_view bytes, uint64_t now_ms) {
    const auto message = decode_presence(bytes);
    if (!message) {
        ++malformed_;
        return {};
    }
    for (const auto& table : message->tables) apply(from, table, now_ms);
    if (message->kind != Kind::confirm) return encode(answer_to(*message));
    flush();
    return encode({.kind = Kind::confirm});
}

void PresenceNodes::fenced(const std::string& channel, uint64_t serial) {
    const auto found = channels_.find(channel);
    if (found == channels_.end() || found->second.serial != serial) return;
    flush(found->first, found->second);
    link_->ask(found->first, serial,
               encode({.kind = Kind::tables, .tables = {table_of(channel, found->second)}}));
}

void PresenceNodes::answered(NodeId from, std::string_view bytes, uint64_t now_ms) {
    if (!bytes.empty()) on_message(from, bytes, now_ms);
}

void PresenceNodes::asked(const std::string& channel, uint64_t serial, size_t missing) {
    const auto found = channels_.find(channel);
    if (found == channels_.end() || found->second.serial != serial) return;
    found->second.missing = missing;
    become_known(found->second);
}

// ---- nodes and time -----------------------------------------------------------------------------

void PresenceNodes::on_node(NodeId node, Change change) {
    if (change == Change::here) {
        send_digests(node);
        if (away_.erase(node) == 0) return;
        // Its members were dropped here; it has not dropped anybody and would not ask.
        std::erase(away_order_, node);
        return link_->send(node, encode({.kind = Kind::hello}));
    }
    if (away_.insert(node).second) away_order_.push_back(node);
    if (away_order_.size() > gone_max) {
        away_.erase(away_order_.front());
        away_order_.pop_front();
    }
    for (auto& [name, channel] : channels_)
        if (channel.replicas.contains(node)) drop(name, channel, node, true);
    if (change == Change::gone) reported_.erase(node);  // It does not come back.
}

void PresenceNodes::on_gap(NodeId from) { link_->send(from, encode({.kind = Kind::hello})); }

void PresenceNodes::check(const std::string& name, Channel& channel, uint64_t now_ms) {
    if (!channel.is_known && now_ms >= channel.since_ms + wait_ms_max) become_known(channel);
    std::vector<NodeId> silent;
    for (auto& [node, replica] : channel.replicas) {
        if (now_ms >= replica.heard_ms + forget_ms) {
            silent.push_back(node);
        } else if (!replica.is_complete && channel.serial % digest_ticks == ticks_ % digest_ticks) {
            replica.version = 0;
            want(node, {name});
        }
    }
    for (const NodeId node : silent) drop(name, channel, node, true);
    check_handovers(name, channel);
}

void PresenceNodes::tick(uint64_t now_ms) {
    if (!link_) return;
    flush();
    ++ticks_;
    for (auto& [name, channel] : channels_) {
        check(name, channel, now_ms);
        if (channel.serial % digest_ticks == ticks_ % digest_ticks)
            link_->publish(name,
                           encode({.kind = Kind::digests, .digests = {{name, channel.version}}}));
    }
}

// ---- a channel without a member here ------------------------------------------------------------

std::string PresenceNodes::question_about(std::string_view channel) {
    return encode({.kind = Kind::want, .channels = {std::string(channel)}});
}

void PresenceNodes::merge(Presence& into, NodeId from, std::string_view channel,
                          std::string_view bytes) {
    const auto message = decode_presence(bytes);
    if (!message) return;
    for (const auto& table : message->tables)
        if (table.channel == channel)
            for (const auto& claim : table.claims)
                static_cast<void>(into.claim(channel, from, claim));
}

}  // namespace starling::hub
