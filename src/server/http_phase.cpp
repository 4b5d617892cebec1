#include "server/http_phase.h"

#include "base/assert.h"

namespace starling::server {
namespace {

using Phase = HttpPhase::Phase;
using Event = HttpPhase::Event;

struct Row {
    Phase phase;
    Event event;
    Phase next;
};

constexpr Row rows[] = {
    {Phase::reading, Event::moves, Phase::moving},
    {Phase::reading, Event::promises, Phase::promised},
    {Phase::reading, Event::sends_file, Phase::file},
    {Phase::reading, Event::answered, Phase::reading},
    {Phase::reading, Event::answered_full, Phase::draining},
    {Phase::reading, Event::answered_last, Phase::closing},
    {Phase::reading, Event::handed_over, Phase::closing},
    {Phase::reading, Event::failed, Phase::closing},

    {Phase::moving, Event::arrived, Phase::reading},

    {Phase::promised, Event::decides, Phase::reading},
    {Phase::promised, Event::streams, Phase::streaming},
    {Phase::promised, Event::sends_file, Phase::file},
    {Phase::promised, Event::answered, Phase::reading},
    {Phase::promised, Event::answered_full, Phase::draining},
    {Phase::promised, Event::answered_last, Phase::closing},

    {Phase::streaming, Event::answered, Phase::reading},
    {Phase::streaming, Event::answered_full, Phase::draining},
    {Phase::streaming, Event::answered_last, Phase::closing},

    {Phase::file, Event::answered, Phase::reading},
    {Phase::file, Event::answered_full, Phase::draining},
    {Phase::file, Event::answered_last, Phase::closing},
    {Phase::file, Event::failed, Phase::closing},

    {Phase::draining, Event::drained, Phase::reading},
};

}  // namespace

void HttpPhase::on(Event event) noexcept {
    if (event == Event::gone) {
        phase_ = Phase::closing;  // Allowed in every phase.
        return;
    }
    for (const Row& row : rows) {
        if (row.phase != phase_ || row.event != event) continue;
        phase_ = row.next;
        return;
    }
    STARLING_ASSERT(phase_ == Phase::closing && "an event that this phase does not know");
}

}  // namespace starling::server
