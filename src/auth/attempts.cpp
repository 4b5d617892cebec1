#include "auth/attempts.h"

#include <algorithm>

namespace starling::auth {

uint64_t Attempts::passed_ms(const Entry& entry, uint64_t now_ms) noexcept {
    return now_ms - std::min(now_ms, entry.last_ms);
}

uint64_t Attempts::wait_of(peer::ClientNetwork address, uint64_t now_ms) {
    const auto found = addresses_.find(address);
    if (found == addresses_.end()) return 0;
    const uint64_t passed = passed_ms(found->second, now_ms);
    if (passed >= wait_ms) {
        addresses_.erase(found);
        return 0;
    }
    return found->second.wrong < wrong_max ? 0 : wait_ms - passed;
}

void Attempts::wrong(peer::ClientNetwork address, uint64_t now_ms) {
    if (addresses_.size() >= addresses_max && !addresses_.contains(address))
        std::erase_if(addresses_, [now_ms](const auto& entry) {
            return passed_ms(entry.second, now_ms) >= wait_ms;
        });
    // A flood from many addresses: one of them is forgotten.
    if (addresses_.size() >= addresses_max && !addresses_.contains(address))
        addresses_.erase(addresses_.begin());
    Entry& entry = addresses_[address];
    ++entry.wrong;
    entry.last_ms = now_ms;
}

void Attempts::take_back(peer::ClientNetwork address) {
    const auto found = addresses_.find(address);
    if (found != addresses_.end() && --found->second.wrong == 0) addresses_.erase(found);
}

}  // namespace starling::auth
