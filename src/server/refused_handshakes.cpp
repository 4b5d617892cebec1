#include "server/refused_handshakes.h"

#include "server/figures.h"

namespace starling::server {

void add_refused_handshakes(std::string_view kind,
                            const std::array<Counter, upgrade_refusals>& counters,
                            Figures& figures) {
    constexpr std::array<std::string_view, upgrade_refusals> reasons = {
        "protocol", "origin", "login", "forbidden", "busy", "other"};
    for (size_t i = 0; i < upgrade_refusals; ++i)
        figures.counter("starling_handshakes_refused_total",
                        "Clients that were refused before they could begin, by kind and reason",
                        counters[i].get(), label("kind", kind) + "," + label("reason", reasons[i]));
}

void RefusedHandshakes::add_figures(std::string_view kind, Figures& figures) const {
    add_refused_handshakes(kind, counters_, figures);
}

}  // namespace starling::server
