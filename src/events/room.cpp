#include "events/room.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "events/broker.h"

namespace starling::events {

Member::Member() noexcept = default;

Member::~Member() {
    if (room_) room_->broker_.leave(*this);
}

void Room::add_listener(Member& member, hub::Subscriber& subscriber, uint64_t now_ms) {
    // The new listener's last push counts as one interval old, so that the listener gets the next
    // event.
    listeners_.push_back({&subscriber, static_cast<uint32_t>(now_ms) - rule_.interval_ms, false});
    try {
        members_.push_back(&member);
    } catch (...) {
        listeners_.pop_back();
        throw;
    }
    member.listener_index_ = static_cast<uint32_t>(listeners_.size() - 1);
}

// The last listener takes the place of the removed listener.
void Room::remove_listener(Member& member) noexcept {
    const uint32_t listener = std::exchange(member.listener_index_, Member::not_listening);
    if (listener == Member::not_listening) return;
    if (listeners_[listener].waiting) --waiting_;
    listeners_[listener] = listeners_.back();
    members_[listener] = members_.back();
    listeners_.pop_back();
    members_.pop_back();
    if (listener < members_.size()) members_[listener]->listener_index_ = listener;
    if (waiting_ == 0) std::string().swap(latest_);
}

hub::Message Room::message(std::string_view text, std::string_view offset) const noexcept {
    return {name_, base::bytes_of(text), false, offset};
}

void Room::lost() {
    for (size_t i = 0; i < members_.size(); ++i) members_[i]->lost(*listeners_[i].subscriber);
}

void Room::presence_changed(const hub::PresenceChange& change) {
    const hub::Message nothing = message({});
    hub::Publication publication{.message = nothing};
    for (size_t i = 0; i < members_.size(); ++i) members_[i]->presence_changed(change, publication);
}

// A listener's pushed_ms wraps around after 49 days (2^32 ms), so an old push could look recent.
// Therefore pushed_ms is read only if the room's 64-bit pushed_ms_ lies within the interval. Then
// each listener either was in the room at that push, and got its last push within the two latest
// intervals, or came later.
Published Room::publish(std::string_view text, uint64_t now_ms, std::string_view offset) {
    if (waiting_ > 0) push_waiting(now_ms);
    const uint32_t interval_ms = rule_.interval_ms;
    const bool latest = rule_.channel.excess == Excess::latest;
    const bool everybody = !pushed_ever_ || now_ms - pushed_ms_ >= interval_ms;
    const hub::Message plain = message(text, offset);
    hub::Publication publication{.message = plain, .at_once = sends_at_once()};
    Published published;
    listeners_.each([&](Listener& listener) {
        if (!everybody && since_push_ms(listener, now_ms) < interval_ms) {
            if (latest) wait(listener, now_ms);
            ++(latest ? published.delivered : published.limited);
            return;
        }
        listener.pushed_ms = static_cast<uint32_t>(now_ms);
        listener.subscriber->deliver(publication);
    });
    published.delivered += publication.taken;
    if (waiting_ > 0) latest_ = text;  // For all waiting listeners, whose intervals still run.
    if (publication.taken > 0) pushed_ms_ = now_ms, pushed_ever_ = true;
    return published;
}

void Room::wait(Listener& listener, uint64_t now_ms) {
    if (std::exchange(listener.waiting, true)) return;
    const uint64_t due_ms = now_ms + rule_.interval_ms - since_push_ms(listener, now_ms);
    due_ms_ = waiting_++ == 0 ? due_ms : std::min(due_ms_, due_ms);
}

void Room::push_due(uint64_t now_ms) {
    if (waiting_ > 0 && now_ms >= due_ms_) push_waiting(now_ms);
}

void Room::push_waiting(uint64_t now_ms) {
    const hub::Message plain = message(latest_);
    hub::Publication publication{.message = plain, .at_once = sends_at_once()};
    uint64_t next_ms = UINT64_MAX;
    listeners_.each([&](Listener& listener) {
        if (!listener.waiting) return;
        const uint32_t since_ms = since_push_ms(listener, now_ms);
        if (since_ms < rule_.interval_ms) {
            next_ms = std::min(next_ms, now_ms + rule_.interval_ms - since_ms);
            return;
        }
        listener.waiting = false;
        --waiting_;
        listener.pushed_ms = static_cast<uint32_t>(now_ms);
        listener.subscriber->deliver(publication);
    });
    if (publication.taken > 0) pushed_ms_ = now_ms;
    due_ms_ = std::max(next_ms, now_ms + due_step_ms);
    if (waiting_ == 0) std::string().swap(latest_);
}

}  // namespace starling::events
