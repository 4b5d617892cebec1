// server/shared_limits.h: the limits that all workers share: of addresses, of channels and of keys.
// What it remembers of addresses, channels and keys has a fixed size; it counts open connections
// only by the addresses that have some.
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

#include "base/cache_line.h"
#include "base/replaceable.h"
#include "limits/bucket_table.h"
#include "peer/address_set.h"
#include "peer/client_network.h"

namespace starling::server {

class SharedLimits {
public:
    // Throws std::invalid_argument for a range in `limits.exempt` that is none.
    explicit SharedLimits(const Limits& limits);
    ~SharedLimits();
    // Other limits from now on; open connections go on to count. Throws as the constructor does.
    void change(const Limits& limits);

    enum class Admission : uint8_t { admitted, over_rate, over_number };
    struct Verdict {
        Admission admission = Admission::admitted;
        uint64_t retry_after_s = 1;
        bool counts = false;  // As an open connection, until leave(), which gets the same address.
    };
    // A new connection of the client at `address`.
    [[nodiscard]] Verdict enter(std::string_view address, uint64_t now_ms);
    void leave(std::string_view address) noexcept;
    [[nodiscard]] bool limits_addresses() const noexcept {
        return rules_->open_max != 0 || rules_->connections != nullptr;
    }

    // 0: it may be published now. Otherwise the seconds until then.
    [[nodiscard]] uint64_t publish_to(std::string_view channel, uint64_t now_ms);
    [[nodiscard]] uint64_t publish_with(std::string_view key, uint64_t now_ms);

private:
    static constexpr size_t shards = 16;

    // A BucketTable in parts with a lock each.
    class Shared;
    struct Rules {
        // A rate that stays as it was before goes on with the same buckets.
        Rules(const Limits& limits, const Rules* before);
        const Limits limits;
        const peer::AddressSet exempt;
        const uint32_t open_max;
        const std::shared_ptr<Shared> connections, channels, keys;  // Null: no limit.
    };
    struct alignas(base::cache_line_bytes) Open {
        std::mutex mutex;
        std::unordered_map<uint64_t, uint32_t> counts;  // By the hash of an address.
    };

    [[nodiscard]] uint64_t hash_of(const peer::ClientNetwork& network) const noexcept;

    const base::HashKey secret_;
    base::Replaceable<Rules> rules_;
    std::array<Open, shards> open_;
};

}  // namespace starling::server
