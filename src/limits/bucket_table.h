// limits/bucket_table.h: the buckets of any number of keys in memory of a fixed size. A key has its
// place in one of many sets of a few buckets. If the set is full, the fullest bucket makes room: it
// has forgotten the most already. So an attacker with many addresses costs no memory, and makes at
// most the server forget others' last moments. The place depends on a secret, so that no peer
// chooses whose bucket makes room.
//
// Pure. Owner: the code that limits. Thread: one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "limits/bucket.h"

namespace starling::limits {

class BucketTable {
public:
    static constexpr size_t ways = 8;

    // `sets`: rounded up to a power of two.
    BucketTable(BucketRate rate, size_t sets, base::HashKey secret);

    // As Bucket::take(), for the bucket of `key`.
    [[nodiscard]] uint64_t take(std::string_view key, uint64_t now_ns) noexcept {
        return take(hash_of(key), now_ns);
    }
    [[nodiscard]] uint64_t hash_of(std::string_view key) const noexcept {
        return base::siphash13(secret_, key);
    }
    [[nodiscard]] uint64_t take(uint64_t hash, uint64_t now_ns) noexcept;

private:
    struct Entry {
        uint64_t hash = 0;
        Bucket bucket;
    };
    using Set = std::array<Entry, ways>;

    const BucketRate rate_;
    const base::HashKey secret_;
    std::vector<Set> sets_;
};

}  // namespace starling::limits
