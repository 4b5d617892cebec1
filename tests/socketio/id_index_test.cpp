#include "socketio/id_index.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "engineio/ids.h"
#include "socketio/socket_id.h"

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

// Clients before 3.0 have the ids of their sessions, which begin with the worker and the slot.
TEST(SocketioIdIndex, IdsOfSessionsInConsecutiveSlotsSpread) {
    constexpr uint32_t count = 20'000;
    std::mt19937_64 random(1);
    std::vector<uint64_t> hashes;
    for (uint32_t slot = 0; slot < count; ++slot) {
        std::array<std::byte, 11> secret;
        for (std::byte& byte : secret) byte = static_cast<std::byte>(random());
        const auto text = engineio::SidSecret(secret).text();
        hashes.push_back(SocketId(engineio::Sid(3, slot, text.view()).view()).hash());
    }
    size_t probes = 0;
    const auto hash_of = [&](uint32_t slot) {
        ++probes;
        return hashes[slot];
    };
    IdIndex index;
    for (uint32_t slot = 0; slot < count; ++slot) {
        index.reserve_one(hash_of);
        index.insert(slot, hashes[slot]);
    }
    // remove() asks for the hash of each used cell behind the one that it empties.
    constexpr uint32_t removed = 1'000;
    probes = 0;
    for (uint32_t slot = 0; slot < removed; ++slot) index.remove(slot, hashes[slot], hash_of);
    EXPECT_LT(probes, removed * size_t{20});
}

}  // namespace
}  // namespace starling::socketio
