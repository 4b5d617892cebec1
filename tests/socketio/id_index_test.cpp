#include "socketio/id_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace starling::socketio {
namespace {

// The hash of each slot's id.
using Hashes = std::map<uint32_t, uint64_t>;

void insert(IdIndex& index, Hashes& hashes, uint32_t slot, uint64_t hash) {
    index.reserve_one([&](uint32_t known) { return hashes.at(known); });
    hashes[slot] = hash;
    index.insert(slot, hash);
}

void remove(IdIndex& index, Hashes& hashes, uint32_t slot) {
    index.remove(slot, hashes.at(slot), [&](uint32_t known) { return hashes.at(known); });
    hashes.erase(slot);
}

bool finds(const IdIndex& index, uint32_t slot, uint64_t hash) {
    return index.find(hash, [slot](uint32_t found) { return found == slot; }) == slot;
}

TEST(SocketioIdIndex, FindsWhatWasNotRemoved) {
    // 1,000 hashes that share few homes: many cells are not where they belong.
    for (const uint64_t mask : {~uint64_t{0}, uint64_t{0xffe0'0000'0000'000f}, uint64_t{0}}) {
        std::mt19937_64 random(1);
        IdIndex index;
        Hashes hashes;
        for (uint32_t round = 0; round < 2'000; ++round) {
            const auto slot = static_cast<uint32_t>(random() % 200);
            if (hashes.contains(slot))
                remove(index, hashes, slot);
            else
                insert(index, hashes, slot, random() & mask);
            ASSERT_EQ(index.size(), hashes.size());
            for (const auto& [known, hash] : hashes) ASSERT_TRUE(finds(index, known, hash));
            ASSERT_FALSE(finds(index, 500, random() & mask));
        }
        while (!hashes.empty()) remove(index, hashes, hashes.begin()->first);
        EXPECT_EQ(index.size(), 0u);
        EXPECT_FALSE(finds(index, 1, 1));
    }
}

TEST(SocketioIdIndex, TheLargestSlotIsASlotLikeOthers) {
    IdIndex index;
    Hashes hashes;
    constexpr uint32_t last = (uint32_t{1} << base::slot_bits) - 1;
    insert(index, hashes, last, 7);
    insert(index, hashes, 0, 7);
    EXPECT_TRUE(finds(index, last, 7));
    EXPECT_TRUE(finds(index, 0, 7));
    EXPECT_FALSE(finds(index, last, 8));
}

}  // namespace
}  // namespace starling::socketio
