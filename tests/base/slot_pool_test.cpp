#include "base/slot_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace starling::base {
namespace {

struct Home {
    int alive = 0;
};

class Thing;
using Pool = SlotPool<Thing, Home>;

class Thing {
public:
    explicit Thing(uint32_t generation) noexcept : generation_(generation) {}
    // An object of a later generation than that of its slot.
    Thing(uint32_t, uint32_t later) noexcept : generation_(later) {}
    ~Thing() { --Pool::owner_of(*this).alive; }
    [[nodiscard]] uint32_t slot_generation() const noexcept { return generation_; }

private:
    uint32_t generation_;
    [[maybe_unused]] uint64_t weight_ = 0;
};

class SlotPoolTest : public testing::Test {
protected:
    ~SlotPoolTest() override {
        for (uint32_t slot = 0; slot < pool_.slots(); ++slot)
            if (Thing* const thing = pool_.object_at(slot)) pool_.remove(*thing);
        EXPECT_EQ(home_.alive, 0);
    }

    Thing& insert() {
        Thing& thing = pool_.emplace();
        ++home_.alive;
        return thing;
    }

    Home home_;
    Pool pool_{home_};
};

TEST_F(SlotPoolTest, FindsWhatIsInserted) {
    Thing& a = insert();
    Thing& b = insert();
    EXPECT_EQ(pool_.find(Pool::key_of(a)), &a);
    EXPECT_EQ(pool_.find(Pool::key_of(b)), &b);
    EXPECT_NE(Pool::key_of(a).slot, Pool::key_of(b).slot);
    EXPECT_EQ(&Pool::owner_of(a), &home_);
    EXPECT_EQ(pool_.size(), 2u);
    EXPECT_TRUE(pool_.alive(Pool::key_of(a)));
}

TEST_F(SlotPoolTest, DefaultAndForeignKeysFindNothing) {
    EXPECT_EQ(pool_.find({}), nullptr);
    const SlotKey key = Pool::key_of(insert());
    for (const SlotKey other :
         {SlotKey{}, SlotKey{key.slot, key.generation + 1}, SlotKey{key.slot, key.generation + 2},
          SlotKey{key.slot + 1, key.generation}, SlotKey{key.slot + 1, 0},
          SlotKey{UINT32_MAX, key.generation}}) {
        EXPECT_EQ(pool_.find(other), nullptr) << other.slot << " " << other.generation;
        EXPECT_FALSE(pool_.alive(other)) << other.slot << " " << other.generation;
    }
}

// A free slot has an even generation, which a client of the admin API could name.
TEST_F(SlotPoolTest, TheGenerationOfAFreeSlotFindsNothing) {
    Thing& a = insert();
    const SlotKey key = Pool::key_of(a);
    pool_.remove(a);
    EXPECT_EQ(pool_.find({key.slot, key.generation + 1}), nullptr);
    EXPECT_FALSE(pool_.alive({key.slot, key.generation + 1}));
}

TEST_F(SlotPoolTest, ASlotUsedAgainHasANewGeneration) {
    Thing& a = insert();
    const SlotKey old = Pool::key_of(a);
    pool_.remove(a);
    EXPECT_EQ(pool_.find(old), nullptr);
    EXPECT_EQ(pool_.size(), 0u);
    Thing& b = insert();
    EXPECT_EQ(Pool::key_of(b).slot, old.slot);
    EXPECT_NE(Pool::key_of(b).generation, old.generation);
    EXPECT_EQ(pool_.find(old), nullptr);
    EXPECT_EQ(pool_.find(Pool::key_of(b)), &b);
}

TEST_F(SlotPoolTest, AGenerationThatWrapsAroundIsStillNone) {
    // As after 2^31 objects in one slot.
    Thing& last = pool_.emplace(UINT32_MAX);
    ++home_.alive;
    const SlotKey old = Pool::key_of(last);
    pool_.remove(last);
    EXPECT_EQ(pool_.find({old.slot, 0}), nullptr);
    const SlotKey next = Pool::key_of(insert());
    EXPECT_EQ(next.slot, old.slot);
    EXPECT_EQ(next.generation, 3u);
}

TEST_F(SlotPoolTest, NotesAreOfOneObject) {
    Thing& a = insert();
    const SlotKey key = Pool::key_of(a);
    EXPECT_EQ(pool_.note(key), 0u);
    pool_.set_note(key, 7);
    EXPECT_EQ(pool_.note(key), 7u);
    pool_.remove(a);
    EXPECT_EQ(pool_.note(key), 0u);
    EXPECT_EQ(pool_.note(Pool::key_of(insert())), 0u);
}

TEST_F(SlotPoolTest, GrowsByPagesAndFillsTheFirstOnesFirst) {
    std::vector<Thing*> things;
    for (uint32_t i = 0; i < 3 * Pool::page_slots; ++i) things.push_back(&insert());
    EXPECT_EQ(pool_.slots(), 3 * Pool::page_slots);
    for (Thing* const thing : things) EXPECT_EQ(pool_.find(Pool::key_of(*thing)), thing);
    const SlotKey early = Pool::key_of(*things[100]),
                  late = Pool::key_of(*things[2 * Pool::page_slots]);
    pool_.remove(*things[2 * Pool::page_slots]);
    pool_.remove(*things[100]);
    EXPECT_EQ(Pool::key_of(insert()).slot, early.slot);
    EXPECT_EQ(Pool::key_of(insert()).slot, late.slot);
}

// The memory is gone, but the old keys find nothing, and the new ones differ from them.
TEST_F(SlotPoolTest, PagesWithoutObjectsAreGivenBackAndUsedAgain) {
    std::vector<SlotKey> old;
    for (int round = 0; round < 3; ++round) {
        std::vector<Thing*> things;
        for (uint32_t i = 0; i < 3 * Pool::page_slots; ++i) things.push_back(&insert());
        EXPECT_EQ(pool_.slots(), 3 * Pool::page_slots);
        for (const SlotKey key : old) ASSERT_EQ(pool_.find(key), nullptr);
        for (Thing* const thing : things) {
            old.push_back(Pool::key_of(*thing));
            ASSERT_EQ(pool_.find(old.back()), thing);
            pool_.remove(*thing);
        }
        pool_.trim();
        for (uint32_t slot = 0; slot < pool_.slots(); ++slot)
            ASSERT_EQ(pool_.object_at(slot), nullptr);
        for (const SlotKey key : old) ASSERT_FALSE(pool_.alive(key));
    }
}

TEST_F(SlotPoolTest, APageWithOneObjectStays) {
    std::vector<Thing*> things;
    for (uint32_t i = 0; i < 2 * Pool::page_slots; ++i) things.push_back(&insert());
    Thing* const last = things.back();
    things.pop_back();
    for (Thing* const thing : things) pool_.remove(*thing);
    pool_.trim();
    EXPECT_EQ(pool_.find(Pool::key_of(*last)), last);
}

TEST_F(SlotPoolTest, OtherThreadsAskWhileObjectsComeAndGo) {
    const SlotKey key = Pool::key_of(insert());
    std::atomic<bool> ends{false};
    std::thread asker([&] {
        while (!ends.load()) {
            (void)pool_.alive(key);
            (void)pool_.note({Pool::page_slots + 1, key.generation});
        }
    });
    for (int round = 0; round < 20; ++round) {
        std::vector<Thing*> things;
        for (uint32_t i = 0; i < 2 * Pool::page_slots; ++i) things.push_back(&insert());
        for (Thing* const thing : things) pool_.remove(*thing);
        pool_.trim();
    }
    EXPECT_TRUE(pool_.alive(key));
    ends = true;
    asker.join();
}

}  // namespace
}  // namespace starling::base
