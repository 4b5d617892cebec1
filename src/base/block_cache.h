// base/block_cache.h: large blocks of memory, kept for the next message of their size.
//
// malloc() gives large blocks back to the kernel as soon as they are freed. A server whose clients send messages of
// 1 MiB then pays for new pages with each message. Each thread keeps the blocks that it freed lately.
//
// Thread: each thread has its own cache. A block may be freed by another thread than the one that took it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace starling::base {

class BlockCache {
public:
    static constexpr size_t block_bytes_min = 64 * 1024;  // Smaller ones are not kept.
    static constexpr size_t kept_bytes_max = size_t{128} * 1024 * 1024;
    static constexpr size_t kept_blocks_max = 256;
    // A block that no taker needs for so many calls of trim() is freed.
    static constexpr uint32_t trims_unused_max = 8;

    struct Block {
        void* memory = nullptr;
        size_t bytes = 0;
    };

    BlockCache() = default;
    BlockCache(const BlockCache&) = delete;
    BlockCache& operator=(const BlockCache&) = delete;
    ~BlockCache();

    // Null while the thread ends.
    [[nodiscard]] static BlockCache* of_this_thread() noexcept;

    // A kept block of at least `bytes`, and of less than four times as many; null: none is kept.
    [[nodiscard]] Block take_kept(size_t bytes) noexcept;
    // `block`: from here or from malloc().
    void give_back(Block block) noexcept;
    // The owner of the thread calls it now and then.
    void trim() noexcept;
    [[nodiscard]] size_t kept_bytes() const noexcept { return kept_bytes_; }

private:
    struct Kept {
        Block block;
        uint32_t unused = 0;  // Calls of trim() since it was given back.
    };
    std::vector<Kept> kept_;  // The one that was given back last is at the end.
    size_t kept_bytes_ = 0;
};

// With the cache of this thread.
[[nodiscard]] inline BlockCache::Block take_kept_block(size_t bytes) noexcept {
    BlockCache* const cache = BlockCache::of_this_thread();
    return cache ? cache->take_kept(bytes) : BlockCache::Block{};
}
[[nodiscard]] BlockCache::Block take_block(size_t bytes);  // Throws std::bad_alloc.
void give_block_back(BlockCache::Block block) noexcept;

}  // namespace starling::base
