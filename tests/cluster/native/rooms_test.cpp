#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "cluster/native/hash_table.h"
#include "cluster/native/own_rooms.h"
#include "cluster/native/room_table.h"
#include "tests/fake/heap_bytes.h"

namespace starling::cluster::native {
namespace {

TEST(HashTable, AnEmptyTableHoldsNoMemory) {
    HashTable<uint64_t> table(1);
    const size_t before = fake::heap_bytes();
    for (uint64_t key = 1; key <= 20'000; ++key) table.insert(key) = key;
    for (uint64_t key = 1; key <= 20'000; ++key) table.erase(key);
    EXPECT_EQ(table.bytes(), 0u);
    EXPECT_LT(fake::heap_bytes(), before + 8000);
}

TEST(RoomTable, AListThatIsNotNeededAnyMoreHoldsNoMemory) {
    RoomTable table(1, 100'000);
    std::vector<RoomTable::Index> holders;
    for (int i = 0; i < 300; ++i) holders.push_back(table.allocate());
    const auto with_each_room = [&](size_t from, auto change) {
        for (RoomHash room = 1; room <= 50; ++room)
            for (size_t i = from; i < holders.size(); ++i) change(room, holders[i]);
    };
    with_each_room(298, [&](RoomHash room, auto holder) { (void)table.add(room, holder); });
    const size_t before = fake::heap_bytes();
    with_each_room(0, [&](RoomHash room, auto holder) { (void)table.add(room, holder); });
    EXPECT_GT(fake::heap_bytes(), before + 50 * 600);
    with_each_room(2, [&](RoomHash room, auto holder) { table.remove(room, holder); });
    EXPECT_LT(fake::heap_bytes(), before + 8000);
}

TEST(HashTable, IsLikeAMapUnderRandomChanges) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
        HashTable<uint32_t> table(seed);
        std::map<uint64_t, uint32_t> model;
        uint64_t state = seed;
        for (uint32_t i = 0; i < 20'000; ++i) {
            state = mix64(state + i);
            const uint64_t key = 1 + state % 700;
            if (state >> 60 < 8) {
                table.insert(key) = i;
                model[key] = i;
            } else {
                table.erase(key);
                model.erase(key);
            }
        }
        ASSERT_EQ(table.size(), model.size());
        for (uint64_t key = 1; key <= 700; ++key) {
            const uint32_t* const found = table.find(key);
            ASSERT_EQ(found != nullptr, model.contains(key)) << key;
            if (found) {
                ASSERT_EQ(*found, model.at(key));
            }
        }
        std::map<uint64_t, uint32_t> visited;
        table.for_each([&](uint64_t key, uint32_t value) { visited[key] = value; });
        EXPECT_EQ(visited, model);
    }
}

TEST(HashTable, SweepsWhatIsOverAndKeepsTheRest) {
    HashTable<uint32_t> table(9);
    for (uint64_t key = 1; key <= 50'000; ++key) table.insert(key) = key % 3 == 0 ? 1 : 0;
    for (size_t part = 0; part < HashTable<uint32_t>::parts; ++part)
        table.sweep(part, [](uint64_t, uint32_t value) { return value == 1; });
    EXPECT_EQ(table.size(), 50'000u - 16'666u);
    for (uint64_t key = 1; key <= 50'000; ++key)
        ASSERT_EQ(table.find(key) == nullptr, key % 3 == 0) << key;
}

TEST(HashTable, GivesItsMemoryBack) {
    HashTable<uint64_t> table(3);
    for (uint64_t key = 1; key <= 100'000; ++key) table.insert(key);
    EXPECT_LE(table.bytes(), 100'000u * 16 * 3);
    for (uint64_t key = 1; key <= 100'000; ++key) table.erase(key);
    EXPECT_EQ(table.bytes(), 0u);
}

std::set<RoomTable::Index> holders(const RoomTable& table, RoomHash room) {
    std::set<RoomTable::Index> found;
    table.for_each_holder(room, [&](RoomTable::Index index) {
        EXPECT_TRUE(found.insert(index).second) << "visited twice";
    });
    return found;
}

TEST(RoomTable, KeepsFewAndManyHolders) {
    RoomTable table(1, 1'000'000);
    std::vector<RoomTable::Index> indexes;
    std::set<RoomTable::Index> expected;
    for (int i = 0; i < 300; ++i) indexes.push_back(table.allocate());
    for (const auto index : indexes) {
        EXPECT_EQ(table.add(8, index), RoomTable::Added::added);
        EXPECT_EQ(table.add(8, index), RoomTable::Added::known);
        expected.insert(index);
        ASSERT_EQ(holders(table, 8), expected);
    }
    std::ranges::reverse(indexes);
    for (const auto index : indexes) {
        table.remove(8, index);
        table.remove(8, index);  // Changes nothing.
        expected.erase(index);
        ASSERT_EQ(holders(table, 8), expected);
    }
    EXPECT_EQ(table.rooms(), 0u);
    EXPECT_EQ(table.entries(), 0u);
    EXPECT_EQ(table.bytes(), 0u);
}

TEST(RoomTable, ARetiredNodeHoldsNothingAtOnceAndItsMemoryReturnsLater) {
    RoomTable table(1, 1'000'000);
    const auto gone = table.allocate();
    const auto stays = table.allocate();
    for (RoomHash room = 2; room <= 20'000; room += 2) {
        ASSERT_EQ(table.add(room, gone), RoomTable::Added::added);
        if (room % 4 == 0) {
            ASSERT_EQ(table.add(room, stays), RoomTable::Added::added);
        }
    }
    table.retire(gone);
    EXPECT_EQ(table.entries(), 5'000u);
    EXPECT_TRUE(holders(table, 2).empty());
    EXPECT_EQ(holders(table, 4), std::set{stays});
    const auto next = table.allocate();
    EXPECT_NE(next, gone);  // Not before it is swept out of every room.
    int steps = 0;
    while (table.sweep()) ++steps;
    EXPECT_EQ(steps, 64);
    EXPECT_EQ(table.rooms(), 5'000u);
    EXPECT_EQ(table.allocate(), gone);
    EXPECT_TRUE(holders(table, 2).empty());
}

TEST(RoomTable, RefusesMoreEntriesThanAllowed) {
    RoomTable table(1, 3);
    const auto index = table.allocate();
    for (RoomHash room = 2; room <= 6; room += 2)
        EXPECT_EQ(table.add(room, index), RoomTable::Added::added);
    EXPECT_EQ(table.add(8, index), RoomTable::Added::full);
    table.remove(2, index);
    EXPECT_EQ(table.add(8, index), RoomTable::Added::added);
}

TEST(RoomTable, HasNoMoreIndexesThanTheirTypeAllows) {
    RoomTable table(1, 3);
    size_t count = 0;
    while (table.allocate() != RoomTable::none) ++count;
    EXPECT_EQ(count, 65'534u);
    table.retire(7);
    EXPECT_EQ(table.allocate(), 7);
}

std::vector<Change> changes(const OwnRooms& own, uint64_t since) {
    const auto span = own.changes_since(since);
    return {span.begin(), span.end()};
}

TEST(OwnRooms, ChangesAreTheFirstMemberAndTheLast) {
    OwnRooms own(1, 100);
    own.joined(2);
    own.joined(2);
    own.joined(4);
    own.left(4);  // Joined and left in between: no change.
    own.left(6);  // Never joined.
    EXPECT_TRUE(own.has_changes());
    own.commit();
    EXPECT_EQ(changes(own, 0), (std::vector<Change>{2}));
    EXPECT_EQ(own.members(2), 2u);
    EXPECT_EQ(own.all_members(), 2u);
    EXPECT_EQ(own.digest(), digest_of(2));
    own.left(2);
    EXPECT_FALSE(own.has_changes());
    own.left(2);
    own.commit();
    EXPECT_EQ(changes(own, 1), (std::vector<Change>{3}));
    EXPECT_EQ(own.version(), 2u);
    EXPECT_EQ(own.digest(), 0u);
    EXPECT_EQ(own.size(), 0u);
    EXPECT_FALSE(own.has_changes_since(3));
}

TEST(OwnRooms, TheLogIsBoundedAndASnapshotStandsInForIt) {
    OwnRooms own(1, 50);
    for (RoomHash room = 2; room <= 400; room += 2) own.joined(room);
    own.commit();
    EXPECT_EQ(own.version(), 200u);
    EXPECT_FALSE(own.has_changes_since(0));
    EXPECT_TRUE(own.has_changes_since(150));
    const auto snapshot = own.snapshot();
    EXPECT_EQ(snapshot->version, 200u);
    EXPECT_EQ(snapshot->rooms.size(), 200u);
    own.joined(1000);
    own.commit();
    EXPECT_EQ(own.snapshot(), snapshot);  // The log has what it lacks.
    for (RoomHash room = 2002; room <= 2400; room += 2) own.joined(room);
    own.commit();
    EXPECT_EQ(own.snapshot()->version, 401u);
    // Whoever applies the log to a snapshot has the same digest as the owner.
    uint64_t digest = 0;
    for (const RoomHash room : own.snapshot()->rooms) digest ^= digest_of(room);
    EXPECT_EQ(digest, own.digest());
}

}  // namespace
}  // namespace starling::cluster::native
