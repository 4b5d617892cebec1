#include "server/engineio/unjoined.h"

namespace starling::server {

UnjoinedSessions::Entry::Entry(UnjoinedSessions& all, base::SlotKey key,
                               peer::ClientNetwork network, uint64_t now_ms)
    : session(key), since_ms(now_ms), all_(all), network_(network) {
    Network& mine = all_.networks_[network];
    ++mine.count;
    ++all_.size_;
    ByNetwork::insert_before(mine.sessions);
    ByAge::insert_before(all_.by_age_);
}

UnjoinedSessions::Entry::~Entry() {
    ByNetwork::unlink();
    --all_.size_;
    const auto mine = all_.networks_.find(network_);
    if (--mine->second.count == 0) all_.networks_.erase(mine);
}

std::unique_ptr<UnjoinedSessions::Entry> UnjoinedSessions::add(base::SlotKey session,
                                                               peer::ClientNetwork network,
                                                               uint64_t now_ms) {
    return std::unique_ptr<Entry>(new Entry(*this, session, network, now_ms));
}

size_t UnjoinedSessions::size_of(peer::ClientNetwork network) const {
    const auto found = networks_.find(network);
    return found == networks_.end() ? 0 : found->second.count;
}

const UnjoinedSessions::Entry* UnjoinedSessions::oldest() const noexcept {
    if (!by_age_.linked()) return nullptr;
    return static_cast<const Entry*>(static_cast<const ByAge*>(by_age_.next()));
}

const UnjoinedSessions::Entry* UnjoinedSessions::oldest_of(peer::ClientNetwork network) const {
    const auto found = networks_.find(network);
    if (found == networks_.end()) return nullptr;
    return static_cast<const Entry*>(static_cast<const ByNetwork*>(found->second.sessions.next()));
}

}  // namespace starling::server
