// server/peer_addresses.h: addresses of clients, by the slots of their streams: those that a proxy
// names, which the kernel does not know, and those that the kernel forgets after a reset, although
// the close handler may ask for them. Costs four bytes for each slot of the loop's streams; only
// IPv6 costs more.
//
// Owner: the Worker. Thread: the worker's.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace starling::server {

class PeerAddresses {
public:
    void keep(uint32_t slot, const std::string& address);
    [[nodiscard]] std::string of(uint32_t slot) const;  // "" if no address was kept.
    void forget(uint32_t slot);

private:
    std::vector<uint32_t> v4_;  // In network order; 0: no address, or one in others_.
    std::unordered_map<uint32_t, std::string> others_;
};

}  // namespace starling::server
