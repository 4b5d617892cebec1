#include "cluster/engine/upgrade.h"

#include <algorithm>
#include <iterator>

namespace starling::cluster::engine {
namespace {

using State = Upgrade::State;
using Event = Upgrade::Event;

constexpr uint8_t in(auto... states) {
    return static_cast<uint8_t>(((1U << static_cast<unsigned>(states)) | ...));
}
constexpr uint8_t asks = in(State::asking, State::asked);
constexpr uint8_t owned_elsewhere = in(State::upgrading, State::open);

}  // namespace

struct Upgrade::Row {
    uint8_t states;
    Event event;
    State next;
    Actions actions;
};

// An event without a row changes nothing.
constinit const Upgrade::Row Upgrade::rows[] = {
    {in(State::asking), Event::probe, State::asked, {}},
    {asks, Event::upgrade, State::ended, {.give_up = true, .close = true}},
    {asks, Event::packet, State::ended, {.give_up = true, .close = true}},
    {asks, Event::fault, State::ended, {.give_up = true, .close = true}},
    {asks, Event::left, State::ended, {.give_up = true}},
    {asks, Event::refused, State::ended, {.close = true}},
    {asks, Event::owner_lost, State::ended, {.give_up = true, .close = true}},
    {in(State::asking), Event::granted, State::probing, {}},
    {in(State::asked), Event::granted, State::probing, {.answer_probe = true}},

    {in(State::probing), Event::probe, State::probing, {.answer_probe = true}},
    {in(State::probing), Event::upgrade, State::upgrading, {.tell_upgrade = true}},
    {in(State::probing), Event::packet, State::ended, {.give_back = true, .close = true}},
    {in(State::probing), Event::fault, State::ended, {.give_back = true, .close = true}},
    {in(State::probing), Event::left, State::ended, {.give_back = true}},
    {in(State::probing), Event::silence, State::ended, {.give_back = true, .close = true}},
    {in(State::probing), Event::owner_lost, State::ended, {.give_back = true, .close = true}},

    {in(State::upgrading), Event::packet, State::upgrading, {.hold = true}},
    {in(State::upgrading), Event::stays, State::open, {.release = true}},
    {in(State::upgrading), Event::moves, State::moved, {.take_over = true}},
    {in(State::open), Event::packet, State::open, {.forward = true}},
    {owned_elsewhere, Event::left, State::ended, {.tell_close = true}},
    {owned_elsewhere, Event::owner_closed, State::ended, {.close = true}},
    {owned_elsewhere, Event::owner_lost, State::ended, {.tell_close = true, .close = true}},
    {owned_elsewhere, Event::silence, State::ended, {.tell_close = true, .close = true}},
    {owned_elsewhere, Event::fault, State::ended, {.tell_close = true, .close = true}},
    // Only a probe has these two.
    {owned_elsewhere, Event::probe, State::ended, {.tell_close = true, .close = true}},
    {owned_elsewhere, Event::upgrade, State::ended, {.tell_close = true, .close = true}},
};

Upgrade::Actions Upgrade::on(Event event) noexcept {
    const auto* const row = std::ranges::find_if(rows, [&](const Row& each) {
        return each.event == event && (each.states & in(state_)) != 0;
    });
    if (row == std::end(rows)) return {};
    state_ = row->next;
    return row->actions;
}

}  // namespace starling::cluster::engine
