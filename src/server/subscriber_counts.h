// server/subscriber_counts.h: the number of subscribers of each topic, over all workers.
//
// Thread: any. Takes a lock for one map operation when a subscriber joins or leaves, never for a
//         publication.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/cache_line.h"
#include "base/keyed_hash.h"

namespace starling::server {

class SubscriberCounts {
public:
    void change(std::string_view topic, int change) {
        Shard& shard = shard_of(topic);
        const std::lock_guard lock(shard.mutex);
        auto found = shard.counts.find(topic);
        if (found == shard.counts.end()) found = shard.counts.emplace(topic, 0).first;
        found->second += static_cast<size_t>(change);
        if (found->second == 0) shard.counts.erase(found);
    }

    [[nodiscard]] size_t count(std::string_view topic) const {
        const Shard& shard = const_cast<SubscriberCounts*>(this)->shard_of(topic);
        const std::lock_guard lock(shard.mutex);
        const auto found = shard.counts.find(topic);
        return found == shard.counts.end() ? 0 : found->second;
    }

private:
    struct alignas(base::cache_line_bytes) Shard {
        mutable std::mutex mutex;
        std::unordered_map<std::string, size_t, base::KeyedTextHash, std::equal_to<>> counts;
    };
    Shard& shard_of(std::string_view topic) {
        return shards_[base::KeyedTextHash{}(topic) % shards_.size()];
    }

    std::array<Shard, 16> shards_;
};

}  // namespace starling::server
