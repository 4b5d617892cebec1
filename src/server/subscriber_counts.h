// server/subscriber_counts.h: the number of subscribers of each topic, over all workers.
//
// Thread: any. Takes a lock for one map operation when a subscriber joins or leaves, never for a
//         publication.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "base/cache_line.h"
#include "base/hashed_text.h"

namespace starling::server {

class SubscriberCounts {
public:
    void change(const base::HashedText& topic, int change) {
        Shard& shard = shard_of(topic);
        const std::lock_guard lock(shard.mutex);
        auto found = shard.counts.find(topic);
        if (found == shard.counts.end())
            found = shard.counts.emplace(base::OwnHashedText(topic), 0).first;
        found->second += static_cast<size_t>(change);
        if (found->second == 0) shard.counts.erase(found);
    }

    [[nodiscard]] size_t count(std::string_view name) const {
        const base::HashedText topic(name);
        const Shard& shard = const_cast<SubscriberCounts*>(this)->shard_of(topic);
        const std::lock_guard lock(shard.mutex);
        const auto found = shard.counts.find(topic);
        return found == shard.counts.end() ? 0 : found->second;
    }

private:
    struct alignas(base::cache_line_bytes) Shard {
        mutable std::mutex mutex;
        std::unordered_map<base::OwnHashedText, size_t, base::HashedText::Hash,
                           base::HashedText::Equal>
            counts;
    };
    // By bits that do not choose the bucket.
    Shard& shard_of(const base::HashedText& topic) {
        return shards_[(topic.hash >> 32) % shards_.size()];
    }

    std::array<Shard, 16> shards_;
};

}  // namespace starling::server
