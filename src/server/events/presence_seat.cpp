#include "server/events/presence_seat.h"

#include <utility>

#include "server/events/events.h"

namespace starling::server {

std::unique_ptr<PresenceSeat> PresenceSeat::enter(Events& events, std::string_view channel,
                                                  const events::Rule& rule,
                                                  hub::PresenceMember member) {
    const auto form = rule.channel.presence == events::Presence::users
                          ? hub::Presence::Form::users
                          : hub::Presence::Form::connections;
    std::unique_ptr<PresenceSeat> seat(new PresenceSeat(
        events, {std::string(channel), hub::Presence::key_of(form, member.client, member.user)},
        member.client));
    const auto entered = events.shared_presence().enter(channel, form, std::move(member));
    if (entered.full) return nullptr;
    seat->is_member_ = true;
    if (entered.change) events.report_safely(*entered.change);
    return seat;
}

PresenceSeat::PresenceSeat(Events& events, hub::Presence::Leaving leaving, std::string client)
    : events_(events), leaving_(std::move(leaving)), client_(std::move(client)) {}

PresenceSeat::~PresenceSeat() {
    if (!is_member_) return;
    const auto change = events_.shared_presence().leave(std::move(leaving_));
    if (change) events_.report_safely(*change);
}

bool PresenceSeat::is_known(std::function<void()> later) {
    return events_.shared_presence().is_known(leaving_.channel, std::move(later));
}

hub::PresenceList PresenceSeat::list() {
    auto list = events_.shared_presence().list(leaving_.channel, listed_max);
    seen_ = list.serial;
    return list;
}

bool PresenceSeat::hears(const hub::PresenceChange& change) noexcept {
    if (!seen_ || change.serial <= *seen_) return false;
    seen_ = change.serial;
    return true;
}

}  // namespace starling::server
