#include "base/block_cache.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace starling::base {

BlockCache::~BlockCache() {
    for (const Kept& kept : kept_) std::free(kept.block.memory);
}

BlockCache* BlockCache::of_this_thread() noexcept {
    thread_local bool ended = false;  // NOLINT(misc-use-internal-linkage): it is local.
    thread_local struct Own {
        BlockCache cache;
        ~Own() { ended = true; }  // Other objects of the thread may end later.
    } own;                        // NOLINT(misc-use-internal-linkage): it is local.
    return ended ? nullptr : &own.cache;
}

BlockCache::Block BlockCache::take_kept(size_t bytes) noexcept {
    if (bytes < block_bytes_min) return {};
    for (size_t i = kept_.size(); i-- > 0;) {
        const Block block = kept_[i].block;
        if (block.bytes < bytes || block.bytes / 4 >= bytes) continue;
        kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
        kept_bytes_ -= block.bytes;
        return block;
    }
    return {};
}

BlockCache::Block take_block(size_t bytes) {
    if (const auto kept = take_kept_block(bytes); kept.memory) return kept;
    void* const memory = std::malloc(bytes);
    if (!memory) throw std::bad_alloc();
    return {memory, bytes};
}

void give_block_back(BlockCache::Block block) noexcept {
    BlockCache* const cache = BlockCache::of_this_thread();
    cache ? cache->give_back(block) : std::free(block.memory);
}

void BlockCache::give_back(Block block) noexcept {
    const bool fits = block.bytes >= block_bytes_min && kept_.size() < kept_blocks_max &&
                      kept_bytes_ + block.bytes <= kept_bytes_max;
    if (!fits) return std::free(block.memory);
    try {
        if (kept_.capacity() == 0) kept_.reserve(kept_blocks_max);  // 6 KiB: once for all blocks.
        kept_.push_back({block});
    } catch (const std::bad_alloc&) {
        return std::free(block.memory);
    }
    kept_bytes_ += block.bytes;
}

void BlockCache::trim() noexcept {
    if (kept_.empty()) return;
    std::erase_if(kept_, [this](Kept& kept) {
        if (++kept.unused < trims_unused_max) return false;
        kept_bytes_ -= kept.block.bytes;
        std::free(kept.block.memory);
        return true;
    });
    if (kept_.empty()) std::vector<Kept>().swap(kept_);
}

}  // namespace starling::base
