#include "base/slab.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <stdexcept>
#include <vector>

namespace starling::base {
namespace {

TEST(Slab, BlocksDoNotOverlap) {
    for (const size_t bytes : {8u, 24u, 104u, 1024u}) {
        Slab slab(bytes);
        std::vector<void*> blocks;
        for (int i = 0; i < 5000; ++i) {
            blocks.push_back(slab.take());
            std::memset(blocks.back(), i & 255, bytes);
        }
        for (size_t i = 0; i < blocks.size(); ++i)
            for (size_t at : {size_t{0}, bytes - 1})
                ASSERT_EQ(static_cast<unsigned char*>(blocks[i])[at], i & 255) << bytes;
        for (void* const block : blocks) Slab::give_back(block);
    }
}

TEST(Slab, CostsLittleMoreThanItsBlocks) {
    Slab slab(104);
    std::vector<void*> blocks;
    for (int i = 0; i < 15'000; ++i) blocks.push_back(slab.take());
    EXPECT_LE(slab.pages() * Slab::page_bytes, size_t{15'000} * 104 + 2 * Slab::page_bytes);
    for (void* const block : blocks) Slab::give_back(block);
}

TEST(Slab, UsesAFreedBlockAgain) {
    Slab slab(64);
    void* const a = slab.take();
    void* const b = slab.take();
    Slab::give_back(a);
    EXPECT_EQ(slab.take(), a);
    Slab::give_back(a);
    Slab::give_back(b);
}

TEST(Slab, GivesBackPagesButTheLast) {
    Slab slab(512);
    std::vector<void*> blocks;
    for (int i = 0; i < 1000; ++i) blocks.push_back(slab.take());
    EXPECT_GT(slab.pages(), 10u);
    void* const kept = blocks[500];
    for (void* const block : blocks)
        if (block != kept) Slab::give_back(block);
    EXPECT_LE(slab.pages(), 2u);
    std::memset(kept, 1, 512);
    Slab::give_back(kept);
    EXPECT_EQ(slab.pages(), 1u);
}

struct Base {
    virtual ~Base() = default;
    uint64_t words[3] = {};
};

struct Object final : Base, InSlab {
    explicit Object(bool throws) {
        if (throws) throw std::runtime_error("no");
    }
    uint64_t more[4] = {};
};

// Also through a pointer to a base, and if the constructor throws.
TEST(Slabs, ObjectsAreMadeInThemAndDeletedAsUsual) {
    Slabs slabs;
    std::vector<std::unique_ptr<Base>> objects;
    std::set<const void*> addresses;
    for (int i = 0; i < 100; ++i) {
        objects.emplace_back(new (slabs) Object(false));
        addresses.insert(objects.back().get());
        EXPECT_THROW(std::unique_ptr<Base>(new (slabs) Object(true)), std::runtime_error);
    }
    EXPECT_EQ(addresses.size(), 100u);
}

TEST(Slabs, EachSizeHasItsOwnBlocks) {
    Slabs slabs;
    std::vector<void*> blocks;
    for (size_t bytes = 1; bytes <= Slabs::block_bytes_max; ++bytes) {
        blocks.push_back(slabs.take(bytes));
        std::memset(blocks.back(), 0xab, bytes);
    }
    for (void* const block : blocks) Slab::give_back(block);
}

}  // namespace
}  // namespace starling::base
