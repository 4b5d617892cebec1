#include "base/block_cache.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <initializer_list>

namespace starling::base {
namespace {

using Block = BlockCache::Block;

constexpr size_t mib = 1024 * 1024;

Block fresh(size_t bytes) { return {std::malloc(bytes), bytes}; }

TEST(BlockCache, KeepsWhatIsGivenBack) {
    BlockCache cache;
    EXPECT_EQ(cache.take_kept(mib).memory, nullptr);
    const Block block = fresh(mib);
    cache.give_back(block);
    EXPECT_EQ(cache.kept_bytes(), mib);
    EXPECT_EQ(cache.take_kept(mib).memory, block.memory);
    EXPECT_EQ(cache.kept_bytes(), 0u);
    cache.give_back(block);
}

TEST(BlockCache, GivesABlockOfAboutTheSize) {
    struct Case {
        size_t kept, wanted;
        bool found;
    };
    for (const Case& c : std::initializer_list<Case>{{mib, mib, true},
                                                     {mib, mib - 1, true},
                                                     {mib, mib / 2, true},
                                                     {mib, mib / 4 + 1, true},
                                                     {mib, mib / 4, false},
                                                     {mib, mib + 1, false},
                                                     {BlockCache::block_bytes_min, 1, false}}) {
        BlockCache cache;
        cache.give_back(fresh(c.kept));
        const Block found = cache.take_kept(c.wanted);
        EXPECT_EQ(found.memory != nullptr, c.found) << c.kept << " " << c.wanted;
        EXPECT_EQ(found.bytes, c.found ? c.kept : 0);
        cache.give_back(found);
    }
}

TEST(BlockCache, KeepsNoSmallBlocksAndNotTooMuch) {
    BlockCache cache;
    cache.give_back(fresh(BlockCache::block_bytes_min - 1));
    EXPECT_EQ(cache.kept_bytes(), 0u);
    cache.give_back(fresh(BlockCache::kept_bytes_max + 1));
    EXPECT_EQ(cache.kept_bytes(), 0u);
    for (size_t i = 0; i < BlockCache::kept_blocks_max + 10; ++i)
        cache.give_back(fresh(BlockCache::block_bytes_min));
    EXPECT_EQ(cache.kept_bytes(), BlockCache::kept_blocks_max * BlockCache::block_bytes_min);
}

TEST(BlockCache, FreesWhatNobodyNeeds) {
    BlockCache cache;
    cache.give_back(fresh(mib));
    cache.give_back(fresh(4 * mib));
    for (uint32_t i = 1; i < BlockCache::trims_unused_max; ++i) {
        cache.trim();
        EXPECT_EQ(cache.kept_bytes(), 5 * mib);
        cache.give_back(cache.take_kept(4 * mib));
    }
    cache.trim();
    EXPECT_EQ(cache.kept_bytes(), 4 * mib);
}

TEST(BlockCache, AThreadHasOneOfItsOwn) {
    const Block block = take_block(mib);
    EXPECT_GE(block.bytes, mib);
    give_block_back(block);
    EXPECT_EQ(take_kept_block(mib).memory, block.memory);
    give_block_back(block);
    while (BlockCache::of_this_thread()->kept_bytes() != 0) BlockCache::of_this_thread()->trim();
}

}  // namespace
}  // namespace starling::base
