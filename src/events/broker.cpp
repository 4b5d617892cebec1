#include "events/broker.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace starling::events {

void Broker::enter(Member& member, const Rule& rule, std::string_view channel) {
    auto found = rooms_.find(channel);
    if (found == rooms_.end()) {
        found = rooms_.emplace(std::string(channel), std::make_unique<Room>(*this, channel, rule))
                    .first;
        if (watcher_) watcher_->room_opened(*found->second);
    }
    member.room_ = found->second.get();
    ++member.room_->references_;
}

void Broker::add_listener(Member& member, hub::Subscriber& subscriber, uint64_t now_ms) {
    member.room_->add_listener(member, subscriber, now_ms);
    if (member.login_ && member.login_->ended) member.expired(subscriber);
}

void Broker::follow(Member& member, hub::Subscriber& subscriber, std::optional<hub::Position> since,
                    uint64_t now_ms, std::function<bool(hub::Beginning)> begun) {
    STARLING_ASSERT(feeds_ && !member.following_);
    const base::Ref<Member::Following> here(new Member::Following(member));
    std::function<void(hub::Beginning)> answered =
        [this, here, &subscriber, now_ms, begun = std::move(begun)](hub::Beginning beginning) {
            if (here->member && begun(std::move(beginning)) && here->member)
                add_listener(*here->member, subscriber, now_ms);
        };
    member.following_ = here;
    try {
        feeds_->follow(member.room_->name(), std::move(since), now_ms, std::move(answered));
    } catch (...) {
        // There was no memory to follow the channel, so leave() does not leave it.
        Member* const waiting = here->member;
        if (waiting && !feeds_->is_followed(waiting->room_->name())) waiting->following_ = {};
        throw;
    }
}

void Broker::leave(Member& member) noexcept {
    Room* const room = std::exchange(member.room_, nullptr);
    if (!room) return;
    if (const auto following = std::exchange(member.following_, {})) {
        following->member = nullptr;
        feeds_->leave(room->name());
    }
    if (member.login_ && member.login_->deadline) deadlines_.erase(*member.login_->deadline);
    member.login_.reset();
    room->remove_listener(member);
    if (--room->references_ > 0) return;
    if (room->listed_) std::erase(waiting_, room);
    if (watcher_) watcher_->room_closed(*room);
    rooms_.erase(rooms_.find(room->name()));
}

Published Broker::publish(std::string_view channel, std::string_view text, uint64_t now_ms,
                          std::string_view offset) {
    const auto found = rooms_.find(channel);
    if (found == rooms_.end()) return {};
    Published published = found->second->publish(text, now_ms, offset);
    list(*found->second);
    return published;
}

void Broker::lost(std::string_view channel) {
    const auto found = rooms_.find(channel);
    if (found != rooms_.end()) found->second->lost();
}

void Broker::presence_changed(const hub::PresenceChange& change) {
    const auto found = rooms_.find(change.channel);
    if (found != rooms_.end()) found->second->presence_changed(change);
}

void Broker::list(Room& room) {
    if (room.waiting() == 0) return;
    next_due_ms_ = std::min(next_due_ms_, room.due_ms());
    if (!std::exchange(room.listed_, true)) waiting_.push_back(&room);
}

// ---- logins -------------------------------------------------------------------------------------

void Broker::log_in(Member& member, std::string_view user, std::optional<uint64_t> lifetime_ms,
                    uint64_t now_ms) {
    if (!member.login_) member.login_ = std::make_unique<Login>();
    Login& login = *member.login_;
    login.user = user;
    login.ended = false;
    if (login.deadline) deadlines_.erase(*std::exchange(login.deadline, std::nullopt));
    if (lifetime_ms)
        login.deadline = deadlines_.emplace(now_ms + std::min(*lifetime_ms, login_ms_max), &member);
}

bool Broker::may_refresh(Member& member, uint64_t now_ms) noexcept {
    if (!member.login_ || now_ms - member.login_->refreshed_ms < refresh_interval_ms) return false;
    member.login_->refreshed_ms = now_ms;
    return true;
}

void Broker::end_logins(uint64_t now_ms) {
    while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms) {
        Member& member = *deadlines_.begin()->second;
        const uint32_t listener = member.listener_index_;
        if (listener == Member::not_listening)
            member.login_->ended = true;
        else
            member.expired(*member.room_->listeners_[listener].subscriber);
        // Not if expired() has thrown: the member is told later then.
        deadlines_.erase(deadlines_.begin());
        member.login_->deadline.reset();
    }
}

// ---- time ---------------------------------------------------------------------------------------

void Broker::run(uint64_t now_ms) {
    if (now_ms >= next_due_ms_) push_due(now_ms);
    end_logins(now_ms);
}

void Broker::push_due(uint64_t now_ms) {
    next_due_ms_ = UINT64_MAX;
    std::erase_if(waiting_, [&](Room* room) {
        room->push_due(now_ms);
        room->listed_ = room->waiting() > 0;
        if (room->listed_) next_due_ms_ = std::min(next_due_ms_, room->due_ms());
        return !room->listed_;
    });
}

std::optional<uint64_t> Broker::next_ms() const noexcept {
    uint64_t next_ms = next_due_ms_;
    if (!deadlines_.empty()) next_ms = std::min(next_ms, deadlines_.begin()->first);
    if (next_ms == UINT64_MAX) return std::nullopt;
    return next_ms;
}

size_t Broker::listeners(std::string_view channel) const {
    const auto found = rooms_.find(channel);
    return found == rooms_.end() ? 0 : found->second->size();
}

}  // namespace starling::events
