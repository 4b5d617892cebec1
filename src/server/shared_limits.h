// server/shared_limits.h: the limits that all workers share: of addresses, of channels and of keys.
// Exists only if one of them is on. What it remembers of addresses, channels and keys has a fixed
// size; it counts open connections only by the addresses that have some.
//
// Owner: the WorkerGroup. Thread: any; each call takes one of several locks.
#pragma once

#include <starling/limits.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "limits/bucket_table.h"
#include "peer/address_set.h"

namespace starling::server {

class SharedLimits {
public:
    // Throws std::invalid_argument for a range in `limits.exempt` that is none.
    explicit SharedLimits(const Limits& limits);
    ~SharedLimits();
    // Null: no such limit is on.
    [[nodiscard]] static std::unique_ptr<SharedLimits> make(const Limits& limits);

    enum class Admission : uint8_t { admitted, over_rate, over_number };
    struct Verdict {
        Admission admission = Admission::admitted;
        uint64_t retry_after_s = 1;
    };
    // A new connection of the client at `address`. If it is admitted, it counts as open until
    // leave(), which gets the same address.
    [[nodiscard]] Verdict enter(std::string_view address, uint64_t now_ms);
    void leave(std::string_view address) noexcept;
    [[nodiscard]] bool counts_open() const noexcept { return open_max_ != 0; }
    [[nodiscard]] bool limits_addresses() const noexcept {
        return open_max_ != 0 || connections_ != nullptr;
    }

    // 0: it may be published now. Otherwise the seconds until then.
    [[nodiscard]] uint64_t publish_to(std::string_view channel, uint64_t now_ms);
    [[nodiscard]] uint64_t publish_with(std::string_view key, uint64_t now_ms);

private:
    static constexpr size_t shards = 16;

    // A BucketTable in parts with a lock each.
    class Shared;
    struct Open {
        std::mutex mutex;
        std::unordered_map<uint64_t, uint32_t> counts;  // By the hash of an address.
    };

    [[nodiscard]] uint64_t hash_of(std::string_view address) const noexcept;

    const peer::AddressSet exempt_;
    const uint32_t open_max_;
    const base::HashKey secret_;
    const std::unique_ptr<Shared> connections_, channels_, keys_;  // Null: no limit.
    std::array<Open, shards> open_;
};

}  // namespace starling::server
