#include "hub/hub.h"

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "base/lifetime.h"
#include "hub/topic.h"

namespace starling::hub {

// Searches the shorter of two lists: the subscriber's topics, or the topic's subscribers. Two
// subscribers may share 100,000 topics.
std::optional<size_t> place_of(const Subscriber& subscriber, std::span<const Membership> mine,
                               const Topic& topic) {
    if (topic.members.size() < mine.size()) {
        const auto member = std::ranges::find(topic.members, &subscriber);
        if (member == topic.members.end()) return std::nullopt;
        return topic.places[static_cast<size_t>(member - topic.members.begin())];
    }
    const auto found = std::ranges::find(mine, &topic, &Membership::topic);
    if (found == mine.end()) return std::nullopt;
    return static_cast<size_t>(found - mine.begin());
}

namespace {

// Reserves room for one more element, so that the next push_back() cannot throw.
template <class T>
void make_room(std::vector<T>& list) {
    if (list.size() == list.capacity()) list.reserve(std::max<size_t>(2 * list.capacity(), 1));
}

}  // namespace

Subscriber::~Subscriber() {
    STARLING_ASSERT(!topics_ && "a subscriber dies while it is in a topic");
}

Hub::Hub(Bus& bus, const void* runs_on, Slicing slicing) noexcept
    : bus_(bus), runs_on_(runs_on), slicing_(slicing) {}

Hub::~Hub() = default;

bool Hub::on_own_thread() const noexcept {
    return !runs_on_ || !base::running || base::running == runs_on_;
}

Hub::Join Hub::join(Subscriber& subscriber, std::string_view name, size_t topics_max) {
    STARLING_ASSERT(on_own_thread());
    if (name.empty() || name.size() > topic_bytes_max) return Join::bad_name;
    const base::HashedText key(name);
    auto found = topics_.find(key);
    auto& mine = subscriber.topics_;
    if (found != topics_.end() && mine && place_of(subscriber, *mine, *found->second))
        return Join::already;
    if ((mine ? mine->size() : 0) >= topics_max) return Join::too_many;
    if (found == topics_.end()) {
        auto made = std::make_unique<Topic>(key);
        const base::HashedText own(made->name, key.hash);
        found = topics_.emplace(own, std::move(made)).first;
    }
    Topic& topic = *found->second;
    bool added = false;
    try {
        if (!mine) mine = std::make_unique<std::vector<Membership>>();
        make_room(*mine);
        make_room(topic.places);
        make_room(topic.members);
        if (topic.backlog) topic.backlog->next.push_back(topic.backlog->end());
        topic.places.push_back(static_cast<uint32_t>(mine->size()));
        mine->push_back({&topic, topic.members.size()});
        topic.members.push_back(&subscriber);
        added = true;
        bus_.subscribers_changed(key, +1);
    } catch (...) {
        // Most likely std::bad_alloc: take the changes back. The Bus has changed no topic.
        if (added) {
            topic.places.pop_back();
            mine->pop_back();
            topic.members.pop_back();
        }
        if (topic.backlog) topic.backlog->next.resize(topic.members.size());
        if (mine && mine->empty()) mine.reset();
        if (topic.members.empty()) topics_.erase(found);
        throw;
    }
    return Join::joined;
}

bool Hub::leave(Subscriber& subscriber, std::string_view name) {
    STARLING_ASSERT(on_own_thread());
    const auto found = find(name);
    auto& mine = subscriber.topics_;
    if (found == topics_.end() || !mine) return false;
    const auto place = place_of(subscriber, *mine, *found->second);
    if (!place) return false;
    catch_up(subscriber);
    const size_t index = (*mine)[*place].index;
    const Membership moved = mine->back();
    (*mine)[*place] = moved;
    moved.topic->places[moved.index] = static_cast<uint32_t>(*place);
    mine->pop_back();
    if (mine->empty()) mine.reset();
    remove(*found->second, index);
    return true;
}

void Hub::leave_all(Subscriber& subscriber) {
    STARLING_ASSERT(on_own_thread());
    if (!subscriber.topics_) return;
    // Leaves one topic at a time, the one joined first before others: the Bus is notified of each,
    // and may make other subscribers leave, which moves the remaining memberships.
    auto& mine = *subscriber.topics_;
    std::ranges::reverse(mine);
    for (size_t i = 0; i < mine.size(); ++i)
        mine[i].topic->places[mine[i].index] = static_cast<uint32_t>(i);
    while (subscriber.topics_) {
        const Membership last = subscriber.topics_->back();
        subscriber.topics_->pop_back();
        if (subscriber.topics_->empty()) subscriber.topics_.reset();
        remove(*last.topic, last.index);
    }
}

// The topic's last member takes the place of the removed member, and the membership of that last
// member gets the new index.
void Hub::remove(Topic& topic, size_t index) {
    if (topic.backlog) [[unlikely]]
        forget(topic, index);
    topic.members[index] = topic.members.back();
    topic.places[index] = topic.places.back();
    topic.members.pop_back();
    topic.places.pop_back();
    if (index < topic.members.size())
        (*topic.members[index]->topics_)[topic.places[index]].index = index;
    // A copy of the name: the notified Bus may make subscribers join and leave, which may free the
    // topic.
    const std::string name = topic.name;
    const base::HashedText key(name, topic.hash);
    bus_.subscribers_changed(key, -1);
    const auto found = topics_.find(key);
    if (found != topics_.end() && found->second->members.empty()) topics_.erase(found);
}

size_t Hub::publish(const Message& message, const Subscriber* except) {
    ++traffic_.publications;
    const size_t taken = deliver(message, except);
    bus_.publish(message);
    return taken;
}

size_t Hub::deliver(const Message& message, const Subscriber* except) {
    STARLING_ASSERT(on_own_thread());
    const auto found = find(message.topic);
    if (found == topics_.end()) return 0;
    Topic& topic = *found->second;
    if (topic.members.size() > slicing_.whole_members_max || topic.backlog) [[unlikely]]
        return keep(topic, message, except);
    return deliver_now(topic, message, [except](const Subscriber* s) { return s == except; });
}

size_t Hub::deliver_whole(const Message& message, std::span<const Subscriber* const> except) {
    STARLING_ASSERT(on_own_thread());
    const auto found = find(message.topic);
    if (found == topics_.end()) return 0;
    return deliver_now(*found->second, message, [except](const Subscriber* s) {
        return std::ranges::binary_search(except, s);
    });
}

template <class Excepted>
size_t Hub::deliver_now(Topic& topic, const Message& message, const Excepted& excepted) {
    if (slicing_now_) [[unlikely]]
        for (Subscriber* member : topic.members) catch_up_slowly(*member);
    Publication publication{message};
    for (Subscriber* member : topic.members)
        if (!excepted(member)) member->deliver(publication);
    traffic_.deliveries += publication.taken;
    return publication.taken;
}

size_t Hub::size_of(const Topic& topic) noexcept { return topic.members.size(); }

size_t Hub::subscribers(std::string_view name) const { return members(name).size(); }

std::span<Subscriber* const> Hub::members(std::string_view name) const {
    STARLING_ASSERT(on_own_thread());
    const auto found = find(name);
    if (found == topics_.end()) return {};
    return found->second->members;
}

bool Hub::is_member(const Subscriber& subscriber, std::string_view name) const {
    STARLING_ASSERT(on_own_thread());
    if (!subscriber.topics_) return false;
    return std::ranges::any_of(*subscriber.topics_, [name](const auto& membership) {
        return membership.topic->name == name;
    });
}

std::vector<std::string> Hub::topics_of(const Subscriber& subscriber) const {
    STARLING_ASSERT(on_own_thread());
    std::vector<std::string> names;
    if (!subscriber.topics_) return names;
    for (const auto& membership : *subscriber.topics_) names.push_back(membership.topic->name);
    return names;
}

}  // namespace starling::hub
