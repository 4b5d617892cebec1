#include "server/peer_addresses.h"

#include <arpa/inet.h>

#include "net/address.h"

namespace starling::server {

void PeerAddresses::keep(uint32_t slot, const std::string& address) {
    if (slot >= v4_.size()) v4_.resize(slot + 512, 0);
    in_addr parsed{};
    forget(slot);
    if (::inet_pton(AF_INET, address.c_str(), &parsed) == 1)
        v4_[slot] = parsed.s_addr;
    else
        others_[slot] = address;
}

std::string PeerAddresses::of(uint32_t slot) const {
    if (slot >= v4_.size()) return {};
    if (v4_[slot] != 0) return net::ipv4_text(v4_[slot]);
    const auto found = others_.find(slot);
    return found == others_.end() ? std::string() : found->second;
}

void PeerAddresses::forget(uint32_t slot) {
    if (slot >= v4_.size()) return;
    if (v4_[slot] == 0) others_.erase(slot);
    v4_[slot] = 0;
}

}  // namespace starling::server
