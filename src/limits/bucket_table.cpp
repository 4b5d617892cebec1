#include "limits/bucket_table.h"

#include <algorithm>
#include <bit>

namespace starling::limits {

BucketTable::BucketTable(BucketRate rate, size_t sets, base::HashKey secret)
    : rate_(rate), secret_(secret), sets_(std::bit_ceil(sets)) {}

uint64_t BucketTable::take(uint64_t hash, uint64_t now_ns) noexcept {
    Set& set = sets_[hash & (sets_.size() - 1)];
    auto found = std::ranges::find(set, hash, &Entry::hash);
    if (found == set.end()) {
        found = std::ranges::min_element(
            set, {}, [](const Entry& entry) { return entry.bucket.full_at_ns; });
        *found = {.hash = hash, .bucket = {}};
    }
    return found->bucket.take(rate_, now_ns);
}

}  // namespace starling::limits
