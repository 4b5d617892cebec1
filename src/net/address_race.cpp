#include "net/address_race.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/text.h"

namespace starling::net {

void AddressRace::add(std::span<const Address> addresses, uint64_t now_ms) {
    const bool first = known_[v6] + known_[v4] == 0;
    for (const Address& address : addresses) {
        const Family family = address.family() == AF_INET6 ? v6 : v4;
        if (known_[family] == addresses_per_family_max) continue;
        queues_[family].push_back(address);
        ++known_[family];
    }
    if (first && queues_[v6].empty()) due_ms_ = now_ms + resolution_delay_ms;
    // RFC 8305 section 3: addresses of IPv6 that arrive within the delay end it.
    if (started_ == 0 && !queues_[v6].empty()) due_ms_ = now_ms;
}

std::optional<AddressRace::Attempt> AddressRace::next(uint64_t now_ms) {
    if (!waiting()) return {};
    // Without another family to come there is nothing to wait for.
    const bool may_start = now_ms >= due_ms_ || (started_ == 0 && all_known_);
    if (!may_start) return {};
    if (queues_[turn_].empty()) turn_ = turn_ == v6 ? v4 : v6;
    auto& queue = queues_[turn_];
    Attempt attempt{started_++, queue.front()};
    queue.erase(queue.begin());
    turn_ = turn_ == v6 ? v4 : v6;
    due_ms_ = now_ms + attempt_delay_ms;
    return attempt;
}

std::optional<uint64_t> AddressRace::wake_ms() const noexcept {
    if (!waiting()) return {};
    return started_ == 0 && all_known_ ? 0 : due_ms_;
}

void AddressRace::failed(const Attempt& attempt, int error, uint64_t now_ms) {
    faults_.push_back({attempt.address, error});
    due_ms_ = now_ms;
}

bool AddressRace::lost() const noexcept {
    return all_known_ && !waiting() && faults_.size() == started_;
}

std::string describe_connect_error(int error) {
    switch (error) {
        case ECONNREFUSED: return "connection refused";
        case EHOSTUNREACH: return "no route to the host";
        case ENETUNREACH: return "network is unreachable";
        case ETIMEDOUT: return "no answer";
        case ENOENT: return "no such Unix-domain socket";
        default: break;
    }
    std::string text = std::system_category().message(error);
    if (text.size() > 1) text.front() = base::lower(text.front());
    return text;
}

}  // namespace starling::net
