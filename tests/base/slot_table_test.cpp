#include "base/slot_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace starling::base {
namespace {

struct Thing {
    SlotKey key;
    [[nodiscard]] SlotKey slot_key() const { return key; }
};

std::unique_ptr<Thing> insert(SlotTable<Thing>& table) {
    auto thing = std::make_unique<Thing>(Thing{table.next_key()});
    table.insert(*thing);
    return thing;
}

TEST(SlotTable, FindsWhatIsInserted) {
    SlotTable<Thing> table;
    const auto a = insert(table), b = insert(table);
    EXPECT_EQ(table.find(a->key), a.get());
    EXPECT_EQ(table.find(b->key), b.get());
    EXPECT_NE(a->key.slot, b->key.slot);
    EXPECT_EQ(table.size(), 2u);
}

TEST(SlotTable, DefaultAndForeignKeysFindNothing) {
    SlotTable<Thing> table;
    EXPECT_EQ(table.find({}), nullptr);
    const auto a = insert(table);
    EXPECT_EQ(table.find({}), nullptr);
    EXPECT_EQ(table.find({a->key.slot, a->key.generation + 1}), nullptr);
    EXPECT_EQ(table.find({a->key.slot + 1, a->key.generation}), nullptr);
    EXPECT_EQ(table.find({UINT32_MAX, 1}), nullptr);
}

TEST(SlotTable, ASlotUsedAgainHasANewGeneration) {
    SlotTable<Thing> table;
    const auto a = insert(table);
    const SlotKey old = a->key;
    table.remove(*a);
    EXPECT_EQ(table.find(old), nullptr);
    EXPECT_EQ(table.size(), 0u);
    const auto b = insert(table);
    EXPECT_EQ(b->key.slot, old.slot);
    EXPECT_NE(b->key.generation, old.generation);
    EXPECT_EQ(table.find(old), nullptr);
    EXPECT_EQ(table.find(b->key), b.get());
}

TEST(SlotTable, NextKeyIsStableUntilItIsUsed) {
    SlotTable<Thing> table;
    const SlotKey first = table.next_key();
    EXPECT_EQ(first, table.next_key());
    EXPECT_NE(first.generation, 0u);
}

TEST(SlotTable, GrowsByPagesAndKeepsEveryKey) {
    SlotTable<Thing> table;
    std::vector<std::unique_ptr<Thing>> things;
    for (int i = 0; i < 2000; ++i) things.push_back(insert(table));
    EXPECT_EQ(table.size(), 2000u);
    EXPECT_GE(table.slots(), 2000u);
    EXPECT_LT(table.slots(), 3000u);
    for (const auto& thing : things) EXPECT_EQ(table.find(thing->key), thing.get());
    for (size_t i = 0; i < things.size(); i += 2) table.remove(*things[i]);
    size_t met = 0;
    for (uint32_t slot = 0; slot < table.slots(); ++slot) met += table.object_at(slot) != nullptr;
    EXPECT_EQ(met, 1000u);
    for (size_t i = 0; i < things.size(); ++i)
        EXPECT_EQ(table.find(things[i]->key), i % 2 ? things[i].get() : nullptr);
}

TEST(SlotKey, IsOneWordWithoutLoss) {
    constexpr uint32_t last_slot = (uint32_t(1) << slot_bits) - 1;
    for (const SlotKey key : {SlotKey{}, SlotKey{0, 1}, SlotKey{last_slot, UINT32_MAX}})
        for (const uint32_t worker : {0u, 1u, 2047u})
            EXPECT_EQ(unpack(pack(key, worker)), key) << key.slot << " " << worker;
    EXPECT_EQ(pack(SlotKey{}), 0u);
    EXPECT_NE(pack({5, 6}, 0), pack({5, 6}, 1));
    EXPECT_NE(pack({5, 6}, 1), pack({4, 6}, 1));
    EXPECT_NE(pack({5, 6}, 1), pack({5, 7}, 1));
}

#if defined(STARLING_ASSERTIONS)
TEST(SlotKeyDeathTest, ASlotThatNoTableHasIsNotPacked) {
    EXPECT_DEATH((void)pack({uint32_t(1) << slot_bits, 1}), "slot_bits");
}
#endif

}  // namespace
}  // namespace starling::base
