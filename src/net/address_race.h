// net/address_race.h: which address of a host to try, and when ("Happy Eyeballs", RFC 8305).
//
// Pure: the owner passes the time, in milliseconds of a clock that never goes back, and makes the
// connections. The families take turns, IPv6 first (section 4). An attempt starts 250 ms after the
// one before, or at once when an attempt fails (section 5). If the first addresses are of IPv4,
// they wait 50 ms for those of IPv6 (section 3). The first attempt that succeeds wins; the owner
// closes the others.
//
// Owner: the dial. Thread: any, one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/address.h"

namespace starling::net {

class AddressRace {
public:
    static constexpr uint64_t attempt_delay_ms = 250;
    static constexpr uint64_t resolution_delay_ms = 50;
    // Addresses of a family after these are not tried.
    static constexpr size_t addresses_per_family_max = 16;

    struct Attempt {
        size_t number;  // Counts the attempts from 0 on.
        Address address;
    };
    struct Fault {
        Address address;
        int error;  // An errno.
    };

    // Addresses that the name has. May be called at any time, also between attempts.
    void add(std::span<const Address> addresses, uint64_t now_ms);
    // No more addresses follow.
    void all_known() noexcept { all_known_ = true; }

    // The attempt to start now. Call it until there is none, after each other call and at
    // wake_ms().
    [[nodiscard]] std::optional<Attempt> next(uint64_t now_ms);
    // When next() will have another attempt if nothing else happens. nullopt: never.
    [[nodiscard]] std::optional<uint64_t> wake_ms() const noexcept;
    // An attempt that next() returned has failed.
    void failed(const Attempt& attempt, int error, uint64_t now_ms);

    // Every address was tried, all attempts have failed, and no address follows.
    [[nodiscard]] bool lost() const noexcept;
    [[nodiscard]] const std::vector<Fault>& faults() const noexcept { return faults_; }

private:
    enum Family : uint8_t { v6, v4, families };

    [[nodiscard]] bool waiting() const noexcept {
        return !queues_[v6].empty() || !queues_[v4].empty();
    }

    std::array<std::vector<Address>, families> queues_;  // Next address first.
    Family turn_ = v6;
    bool all_known_ = false;
    std::array<size_t, families> known_{};
    size_t started_ = 0;
    uint64_t due_ms_ = 0;  // The next attempt does not start earlier.
    std::vector<Fault> faults_;
};

// What an errno of connect() means, in words: "connection refused".
[[nodiscard]] std::string describe_connect_error(int error);

}  // namespace starling::net
