#include "hub/presence.h"

#include <utility>

#include "base/assert.h"

namespace starling::hub {
namespace {

// What the maps take beside the texts, about.
constexpr uint64_t channel_overhead_bytes = 256, member_overhead_bytes = 256;

// A user and a connection may have the same name.
std::string key_of(Presence::Form form, std::string_view client, std::string_view user) {
    if (form == Presence::Form::users && !user.empty()) return std::string("u").append(user);
    return std::string("c").append(client);
}

}  // namespace

struct Presence::Place {
    PresenceMember member;
    size_t connections = 1;
    uint64_t order = 0;  // The key in Channel::order.
    [[nodiscard]] uint64_t bytes() const noexcept {
        return member_overhead_bytes + 2 * (member.client.size() + member.user.size()) +
               member.info.size();
    }
};

struct Presence::Channel {
    size_t connections = 0;
    uint64_t last = 0;
    std::unordered_map<std::string, Place, base::KeyedTextHash, std::equal_to<>> places;
    std::map<uint64_t, const Place*> order;
};

Presence::Presence(const Limits& limits) noexcept : limits_(limits) {}

Presence::~Presence() = default;

Presence::Entered Presence::enter(std::string_view channel, Form form, PresenceMember member) {
    const auto found = channels_.find(channel);
    std::string key = key_of(form, member.client, member.user);
    if (found != channels_.end()) {
        const auto known = found->second->places.find(key);
        if (known != found->second->places.end()) {
            STARLING_ASSERT(form == Form::users && !member.user.empty());
            ++known->second.connections;
            ++found->second->connections;
            return {};
        }
    }
    Place place{.member = std::move(member)};
    uint64_t bytes = place.bytes();
    if (found == channels_.end()) bytes += channel_overhead_bytes + 2 * channel.size();
    const bool crowded =
        found != channels_.end() && found->second->places.size() >= limits_.members_max;
    if (crowded || stats_.bytes + bytes > limits_.bytes_max) {
        ++stats_.refused;
        return {.full = true};
    }
    auto& owner = found != channels_.end() ? found->second : channels_[std::string(channel)];
    if (!owner) {
        owner = std::make_unique<Channel>();
        ++stats_.channels;
    }
    ++owner->connections;
    place.order = ++owner->last;
    const Place& added = owner->places.emplace(std::move(key), std::move(place)).first->second;
    owner->order.emplace(added.order, &added);
    stats_.bytes += bytes;
    ++stats_.members;
    return {.change = PresenceChange{std::string(channel), added.member, true, ++serial_}};
}

std::optional<PresenceChange> Presence::leave(std::string_view channel, Form form,
                                              std::string_view client, std::string_view user) {
    const auto found = channels_.find(channel);
    STARLING_ASSERT(found != channels_.end());
    Channel& owner = *found->second;
    const auto place = owner.places.find(key_of(form, client, user));
    STARLING_ASSERT(place != owner.places.end());
    --owner.connections;
    if (--place->second.connections > 0) return std::nullopt;
    stats_.bytes -= place->second.bytes();
    --stats_.members;
    owner.order.erase(place->second.order);
    PresenceChange change{std::string(channel), std::move(place->second.member), false, ++serial_};
    owner.places.erase(place);
    if (owner.places.empty()) {
        stats_.bytes -= channel_overhead_bytes + 2 * channel.size();
        --stats_.channels;
        channels_.erase(found);
    }
    return change;
}

PresenceList Presence::list(std::string_view channel, size_t limit) const {
    PresenceList list{.serial = serial_};
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return list;
    const Channel& owner = *found->second;
    list.users = owner.places.size();
    list.connections = owner.connections;
    for (const auto& [order, place] : owner.order) {
        if (list.members.size() >= limit) break;
        list.members.push_back(place->member);
    }
    return list;
}

}  // namespace starling::hub
