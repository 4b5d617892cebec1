// auth/attempts.h: who has guessed too often. Pure; bounded memory. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "peer/client_network.h"

namespace starling::auth {

// An address that brought wrong keys or passwords waits; of IPv6 its /64.
class Attempts {
public:
    static constexpr unsigned wrong_max = 5;
    static constexpr uint64_t wait_ms = 60'000;
    static constexpr size_t addresses_max = 4096;

    // How long the address must still wait; 0: it may try.
    [[nodiscard]] uint64_t wait_of(peer::ClientNetwork address, uint64_t now_ms);
    void wrong(peer::ClientNetwork address, uint64_t now_ms);
    // The last wrong() of the address is undone: the key or password was not compared after all.
    void take_back(peer::ClientNetwork address);
    void right(peer::ClientNetwork address) { addresses_.erase(address); }

private:
    struct Entry {
        unsigned wrong = 0;
        uint64_t last_ms = 0;
    };
    // The clocks of workers differ a little: `last_ms` may be later than `now_ms`.
    [[nodiscard]] static uint64_t passed_ms(const Entry& entry, uint64_t now_ms) noexcept;

    std::map<peer::ClientNetwork, Entry> addresses_;
};

}  // namespace starling::auth
