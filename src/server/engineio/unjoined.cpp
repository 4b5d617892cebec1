#include "server/engineio/unjoined.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace starling::server {
namespace {

uint64_t number(const uint8_t* bytes, size_t count) {
    uint64_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8 | bytes[i];
    return value;
}

}  // namespace

ClientNetwork ClientNetwork::of(std::string_view address) {
    const std::string text(address);
    std::array<uint8_t, 16> bytes{};
    if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1)
        return {number(bytes.data(), 4), false};
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return {};
    constexpr std::array<uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(mapped.begin(), mapped.end(), bytes.begin()))
        return {number(bytes.data() + mapped.size(), 4), false};
    return {number(bytes.data(), 8), true};
}

UnjoinedSessions::Entry::Entry(UnjoinedSessions& all, base::SlotKey key, ClientNetwork network,
                               uint64_t now_ms)
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
                                                               ClientNetwork network,
                                                               uint64_t now_ms) {
    return std::unique_ptr<Entry>(new Entry(*this, session, network, now_ms));
}

size_t UnjoinedSessions::size_of(ClientNetwork network) const {
    const auto found = networks_.find(network);
    return found == networks_.end() ? 0 : found->second.count;
}

const UnjoinedSessions::Entry* UnjoinedSessions::oldest() const noexcept {
    if (!by_age_.linked()) return nullptr;
    return static_cast<const Entry*>(static_cast<const ByAge*>(by_age_.next()));
}

const UnjoinedSessions::Entry* UnjoinedSessions::oldest_of(ClientNetwork network) const {
    const auto found = networks_.find(network);
    if (found == networks_.end()) return nullptr;
    return static_cast<const Entry*>(static_cast<const ByNetwork*>(found->second.sessions.next()));
}

}  // namespace starling::server
