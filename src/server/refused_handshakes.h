// server/refused_handshakes.h: counts the clients that were refused before they could begin, of one
// kind, by reason. The kinds and reasons are in docs/metrics.md.
//
// Owner: the worker's part that refuses them. Thread: the worker's.
#pragma once

#include <array>
#include <string_view>

#include "server/counters.h"

namespace starling::server {

class Figures;

class RefusedHandshakes {
public:
    void add(UpgradeRefusal why) noexcept { counters_[static_cast<size_t>(why)].add(); }
    void add_figures(std::string_view kind, Figures& figures) const;

private:
    std::array<Counter, upgrade_refusals> counters_;
};

// For all kinds.
void add_refused_handshakes(std::string_view kind,
                            const std::array<Counter, upgrade_refusals>& counters,
                            Figures& figures);

[[nodiscard]] constexpr UpgradeRefusal refusal_of_status(int status) noexcept {
    switch (status) {
        case 400:
        case 405:
        case 426: return UpgradeRefusal::protocol;
        case 401: return UpgradeRefusal::login;
        case 403: return UpgradeRefusal::forbidden;
        case 503: return UpgradeRefusal::busy;
        default: return UpgradeRefusal::other;
    }
}

}  // namespace starling::server
