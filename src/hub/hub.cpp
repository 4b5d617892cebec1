#include "hub/hub.h"

#include <algorithm>
#include <cassert>

namespace starling::hub {

struct Topic {
    explicit Topic(std::string_view n) : name(n) {}
    const std::string name;
    std::vector<Subscriber*> members;  // Contiguous: a fan-out walks it.
};

Subscriber::~Subscriber() { assert(!topics_ && "a subscriber dies while it is in a topic"); }

Hub::Hub(Bus& bus) noexcept : bus_(bus) {}

Hub::~Hub() = default;

Hub::Join Hub::join(Subscriber& subscriber, std::string_view name, size_t topics_max) {
    if (name.empty() || name.size() > topic_bytes_max) return Join::bad_name;
    auto found = topics_.find(name);
    auto& mine = subscriber.topics_;
    if (found != topics_.end() && mine) {
        for (const auto& membership : *mine)
            if (membership.topic == found->second.get()) return Join::already;
    }
    if ((mine ? mine->size() : 0) >= topics_max) return Join::too_many;
    if (found == topics_.end())
        found = topics_.emplace(std::string(name), std::make_unique<Topic>(name)).first;
    Topic& topic = *found->second;
    if (!mine) mine = std::make_unique<std::vector<Subscriber::Membership>>();
    mine->push_back({&topic, topic.members.size()});
    topic.members.push_back(&subscriber);
    bus_.subscribers_changed(name, +1);
    return Join::joined;
}

bool Hub::leave(Subscriber& subscriber, std::string_view name) {
    const auto found = topics_.find(name);
    auto& mine = subscriber.topics_;
    if (found == topics_.end() || !mine) return false;
    const auto membership =
        std::ranges::find(*mine, found->second.get(), &Subscriber::Membership::topic);
    if (membership == mine->end()) return false;
    const size_t index = membership->index;
    *membership = mine->back();
    mine->pop_back();
    if (mine->empty()) mine.reset();
    remove(*found->second, index);
    return true;
}

void Hub::leave_all(Subscriber& subscriber) {
    const auto mine = std::move(subscriber.topics_);
    if (!mine) return;
    for (const auto& membership : *mine) remove(*membership.topic, membership.index);
}

// The last member takes the place of the one that leaves, and is told its new index.
void Hub::remove(Topic& topic, size_t index) {
    Subscriber* const moved = topic.members.back();
    topic.members[index] = moved;
    topic.members.pop_back();
    if (moved->topics_ && index < topic.members.size())
        std::ranges::find(*moved->topics_, &topic, &Subscriber::Membership::topic)->index = index;
    bus_.subscribers_changed(topic.name, -1);
    if (topic.members.empty()) topics_.erase(topics_.find(topic.name));
}

void Hub::publish(const Message& message, const Subscriber* except) {
    deliver(message, except);
    bus_.publish(message);
}

void Hub::deliver(const Message& message, const Subscriber* except) {
    const auto found = topics_.find(message.topic);
    if (found == topics_.end()) return;
    Publication publication{message};
    for (Subscriber* member : found->second->members)
        if (member != except) member->deliver(publication);
}

size_t Hub::subscribers(std::string_view name) const { return members(name).size(); }

std::span<Subscriber* const> Hub::members(std::string_view name) const {
    const auto found = topics_.find(name);
    if (found == topics_.end()) return {};
    return found->second->members;
}

bool Hub::is_member(const Subscriber& subscriber, std::string_view name) const {
    if (!subscriber.topics_) return false;
    return std::ranges::any_of(*subscriber.topics_, [name](const auto& membership) {
        return membership.topic->name == name;
    });
}

std::vector<std::string> Hub::topics_of(const Subscriber& subscriber) const {
    std::vector<std::string> names;
    if (!subscriber.topics_) return names;
    for (const auto& membership : *subscriber.topics_) names.push_back(membership.topic->name);
    return names;
}

}  // namespace starling::hub
