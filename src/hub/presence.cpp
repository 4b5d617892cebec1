#include "hub/presence.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace starling::hub {
namespace {

// What the maps take beside the texts, about.
constexpr uint64_t channel_overhead_bytes = 256, member_overhead_bytes = 256;

}  // namespace

// A user and a connection may have the same name.
std::string Presence::key_of(Form form, std::string_view client, std::string_view user) {
    if (form == Form::users && !user.empty()) return std::string("u").append(user);
    return std::string("c").append(client);
}

struct Presence::Held {
    NodeId node;
    PresenceMember member;
    size_t connections;
    [[nodiscard]] uint64_t bytes() const noexcept {
        return member_overhead_bytes + 2 * (member.client.size() + member.user.size()) +
               member.info.size();
    }
};

struct Presence::Place {
    std::vector<Held> claims;  // The oldest one first; it describes the member. Never empty.
    uint64_t order = 0;        // The key in Channel::order.
};

struct Presence::Channel {
    size_t connections = 0;
    uint64_t last = 0;
    using Places = std::unordered_map<std::string, Place, base::KeyedTextHash, std::equal_to<>>;
    Places places;
    std::map<uint64_t, const Places::value_type*> order;

    // Throws std::bad_alloc, and then has changed nothing.
    void add(std::string key, Held held);
};

void Presence::Channel::add(std::string key, Held held) {
    const size_t more = held.connections;
    const auto [placed, is_new] = places.try_emplace(std::move(key));
    try {
        placed->second.claims.push_back(std::move(held));
        if (is_new) order.emplace(last + 1, &*placed);
    } catch (...) {
        if (is_new) places.erase(placed);
        throw;
    }
    if (is_new) placed->second.order = ++last;
    connections += more;
}

Presence::Presence(const Limits& limits) noexcept : limits_(limits) {}

Presence::~Presence() = default;

Presence::Held* Presence::find(std::string_view channel, std::string_view key, NodeId node) const {
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return nullptr;
    const auto place = found->second->places.find(key);
    if (place == found->second->places.end()) return nullptr;
    auto& claims = place->second.claims;
    const auto held = std::ranges::find(claims, node, &Held::node);
    return held == claims.end() ? nullptr : &*held;
}

Presence::Entered Presence::add(std::string_view channel, NodeId node, PresenceClaim claim) {
    const auto found = channels_.find(channel);
    Held held{node, std::move(claim.member), claim.connections};
    uint64_t bytes = held.bytes();
    if (found == channels_.end()) bytes += channel_overhead_bytes + 2 * channel.size();
    const bool known = found != channels_.end() && found->second->places.contains(claim.key);
    const bool crowded =
        found != channels_.end() && !known && found->second->places.size() >= limits_.members_max;
    if (crowded || stats_.bytes + bytes > limits_.bytes_max) {
        ++stats_.refused;
        return {.full = true};
    }
    Entered entered;
    if (!known) entered.change = PresenceChange{std::string(channel), held.member, true, 0};
    if (found != channels_.end()) {
        found->second->add(std::move(claim.key), std::move(held));
    } else {
        auto owner = std::make_unique<Channel>();
        owner->add(std::move(claim.key), std::move(held));
        channels_.emplace(std::string(channel), std::move(owner));
        ++stats_.channels;
    }
    stats_.bytes += bytes;
    if (known) return entered;
    ++stats_.members;
    entered.change->serial = ++serial_;
    return entered;
}

std::optional<PresenceChange> Presence::remove(std::string&& channel, std::string_view key,
                                               NodeId node) noexcept {
    const auto found = channels_.find(channel);
    Channel& owner = *found->second;
    const auto place = owner.places.find(key);
    auto& claims = place->second.claims;
    const auto held = std::ranges::find(claims, node, &Held::node);
    owner.connections -= held->connections;
    stats_.bytes -= held->bytes();
    PresenceMember member = std::move(held->member);
    claims.erase(held);
    if (!claims.empty()) return std::nullopt;
    --stats_.members;
    owner.order.erase(place->second.order);
    owner.places.erase(place);
    if (owner.places.empty()) {
        stats_.bytes -= channel_overhead_bytes + 2 * channel.size();
        --stats_.channels;
        channels_.erase(found);
    }
    return PresenceChange{std::move(channel), std::move(member), false, ++serial_};
}

Presence::Entered Presence::enter(std::string_view channel, Form form, PresenceMember member) {
    std::string key = key_of(form, member.client, member.user);
    if (Held* const held = find(channel, key, here)) {
        STARLING_ASSERT(form == Form::users && !member.user.empty());
        ++held->connections;
        ++channels_.find(channel)->second->connections;
        return {};
    }
    return add(channel, here, {std::move(key), std::move(member), 1});
}

std::vector<Presence::NodeId> Presence::heirs_of(const Leaving& leaving) const {
    const Held* const held = find(leaving.channel, leaving.key, here);
    STARLING_ASSERT(held);
    std::vector<NodeId> heirs;
    if (held->connections > 1) return heirs;
    const auto& places = channels_.find(leaving.channel)->second->places;
    for (const auto& claim : places.find(leaving.key)->second.claims)
        if (claim.node != here) heirs.push_back(claim.node);
    return heirs;
}

std::optional<PresenceChange> Presence::leave(Leaving&& leaving) noexcept {
    Held* const held = find(leaving.channel, leaving.key, here);
    STARLING_ASSERT(held);
    if (held->connections == 1) return remove(std::move(leaving.channel), leaving.key, here);
    --held->connections;
    --channels_.find(leaving.channel)->second->connections;
    return std::nullopt;
}

Presence::Entered Presence::claim(std::string_view channel, NodeId node,
                                  const PresenceClaim& claim) {
    Held* const held = find(channel, claim.key, node);
    if (!held) return claim.connections > 0 ? add(channel, node, claim) : Entered{};
    if (claim.connections == 0) return {.change = remove(std::string(channel), claim.key, node)};
    Channel& owner = *channels_.find(channel)->second;
    owner.connections += claim.connections - held->connections;
    held->connections = claim.connections;
    return {};
}

std::vector<PresenceClaim> Presence::claims_of(std::string_view channel, NodeId node) const {
    std::vector<PresenceClaim> list;
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return list;
    for (const auto& [order, placed] : found->second->order)
        for (const auto& held : placed->second.claims)
            if (held.node == node) list.push_back({placed->first, held.member, held.connections});
    return list;
}

PresenceClaim Presence::claim_of(std::string_view channel, NodeId node,
                                 std::string_view key) const {
    const Held* const held = find(channel, key, node);
    if (!held) return {std::string(key), {}, 0};
    return {std::string(key), held->member, held->connections};
}

PresenceList Presence::list(std::string_view channel, size_t limit) const {
    PresenceList list{.serial = serial_};
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return list;
    const Channel& owner = *found->second;
    list.users = owner.places.size();
    list.connections = owner.connections;
    for (const auto& [order, placed] : owner.order) {
        if (list.members.size() >= limit) break;
        list.members.push_back(placed->second.claims.front().member);
    }
    return list;
}

}  // namespace starling::hub
