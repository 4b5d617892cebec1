// server/peer_addresses.h: the addresses of peers whose close handler may ask for them after a reset, when the
// kernel does not know them any more. Four bytes for each slot of the loop's streams, and more for IPv6 alone.
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
    [[nodiscard]] std::string of(uint32_t slot) const;  // "" where none was kept.
    void forget(uint32_t slot);

private:
    std::vector<uint32_t> v4_;  // In network order; 0: none, or one of the others.
    std::unordered_map<uint32_t, std::string> others_;
};

}  // namespace starling::server
