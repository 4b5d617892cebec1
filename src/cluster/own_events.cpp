#include "cluster/own_events.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "cluster/repeats.h"

namespace starling::cluster {

uint64_t OwnEvents::print_of(const Entry& entry) noexcept {
    uint64_t print = 0;
    for (const auto& [field, value] : entry)
        if (field != "uid" && field != Repeats::field)
            print = print * 0x9e3779b97f4a7c15 + std::hash<std::string_view>{}(value);
    return print;
}

OwnEvents::Event OwnEvents::take() {
    Event event = std::move(events_.front().event);
    bytes_ -= event->bytes();
    events_.pop_front();
    return event;
}

void OwnEvents::add(uint64_t print, Event event, Events& lost) {
    bytes_ += event->bytes();
    events_.push_back({print, ++last_number_, std::move(event)});
    while (bytes_ > bytes_max_) lost.push_back(take());
}

uint64_t OwnEvents::sent(uint64_t print) {
    // What waits is at the end, behind what was sent.
    const auto waits = [](const Item& item) { return item.state == State::waiting; };
    const auto first = std::ranges::find_if(events_, waits);
    const auto found = std::find_if(
        first, events_.end(), [&](const Item& item) { return item.print == print && waits(item); });
    if (found == events_.end()) return 0;
    for (auto dropped = first; dropped != found; ++dropped) dropped->state = State::failed;
    found->state = State::sent;
    return found->number;
}

void OwnEvents::answered(uint64_t number, bool good, uint64_t round) {
    if (events_.empty() || number < events_.front().number) return;
    const uint64_t at = number - events_.front().number;
    if (at >= events_.size()) return;
    Item& item = events_[static_cast<size_t>(at)];
    item.state = good ? State::stored : State::failed;
    item.lost_round = round + 2;
}

OwnEvents::Event OwnEvents::came_back(uint64_t print, Events& lost) {
    const auto found = std::ranges::find_if(events_, [&](const Item& item) {
        return item.print == print && item.state != State::waiting;
    });
    if (found == events_.end()) return nullptr;
    for (auto before = found - events_.begin(); before > 0; --before) lost.push_back(take());
    return take();
}

void OwnEvents::round_ended(uint64_t round, Events& lost) {
    while (!events_.empty() && events_.front().state == State::failed &&
           events_.front().lost_round <= round)
        lost.push_back(take());
}

}  // namespace starling::cluster
