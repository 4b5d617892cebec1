#include "cluster/repeats.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace starling::cluster {
namespace {

using Id = Repeats::StreamId;

Entry entry_of(const std::string& uid, const std::string& number) {
    return {{"uid", uid}, {"nsp", "/"}, {std::string(Repeats::field), number}};
}

TEST(Repeats, AnEntryOfTheSameNodeAndNumberIsThereAgain) {
    Repeats repeats;
    EXPECT_EQ(repeats.read(entry_of("a", "1"), {5, 0}), std::nullopt);
    EXPECT_EQ(repeats.read(entry_of("a", "2"), {5, 1}), std::nullopt);
    EXPECT_EQ(repeats.read(entry_of("b", "1"), {5, 2}), std::nullopt);
    EXPECT_EQ(repeats.read(entry_of("a", "1"), {6, 0}), (Id{5, 0}));
    EXPECT_EQ(repeats.read(entry_of("a", "2"), {6, 1}), (Id{5, 1}));
    EXPECT_EQ(repeats.read(entry_of("a", "3"), {6, 2}), std::nullopt);
    // The second time as well: the first place counts.
    EXPECT_EQ(repeats.read(entry_of("a", "1"), {7, 0}), (Id{5, 0}));
}

TEST(Repeats, TheFirstPlaceIsKnownWhenEntriesAreReadBack) {
    Repeats repeats;
    EXPECT_EQ(repeats.first_of(entry_of("a", "1")), std::nullopt);
    (void)repeats.read(entry_of("a", "1"), {5, 0});
    (void)repeats.read(entry_of("a", "1"), {6, 0});
    EXPECT_EQ(repeats.first_of(entry_of("a", "1")), (Id{5, 0}));
    EXPECT_EQ(repeats.first_of(entry_of("a", "2")), std::nullopt);
    EXPECT_EQ(repeats.first_of(entry_of("b", "1")), std::nullopt);
}

TEST(Repeats, AnEntryWithoutNumberOrSenderIsNew) {
    Repeats repeats;
    const Entry entries[] = {
        {{"uid", "a"}},
        {{std::string(Repeats::field), "1"}},
        entry_of("", "1"),
        entry_of("a", ""),
        entry_of("a", "0"),
        entry_of("a", "-1"),
        entry_of("a", "1x"),
        entry_of("a", " 1"),
        entry_of("a", "18446744073709551616"),
        entry_of(std::string(65, 'a'), "1"),
        {},
    };
    for (const Entry& entry : entries)
        for (uint64_t i = 1; i <= 2; ++i) {
            EXPECT_EQ(repeats.read(entry, {i, 0}), std::nullopt);
            EXPECT_EQ(repeats.first_of(entry), std::nullopt);
        }
}

TEST(Repeats, AsManyAsMayBeUnderWayAreKept) {
    constexpr size_t kept = Repeats::kept_of_a_node;
    Repeats repeats;
    for (uint64_t i = 1; i <= kept + 1; ++i)
        EXPECT_EQ(repeats.read(entry_of("a", std::to_string(i)), {i, 0}), std::nullopt);
    EXPECT_EQ(repeats.read(entry_of("a", "1"), {9000, 0}), std::nullopt) << "too old";
    EXPECT_EQ(repeats.read(entry_of("a", "2"), {9000, 1}), (Id{2, 0}));
    EXPECT_EQ(repeats.read(entry_of("a", std::to_string(kept + 1)), {9000, 2}), (Id{kept + 1, 0}));
}

// A number that was skipped is not taken for the one that had its place before.
TEST(Repeats, NumbersThatWereSkippedAreNew) {
    constexpr size_t kept = Repeats::kept_of_a_node;
    Repeats repeats;
    for (uint64_t i = 1; i <= 10; ++i) (void)repeats.read(entry_of("a", std::to_string(i)), {i, 0});
    (void)repeats.read(entry_of("a", std::to_string(kept + 8)), {20, 0});
    EXPECT_EQ(repeats.read(entry_of("a", std::to_string(kept + 2)), {21, 0}), std::nullopt);
    EXPECT_EQ(repeats.read(entry_of("a", "10"), {22, 0}), (Id{10, 0}));
    // The greatest number that there is, and back.
    EXPECT_EQ(repeats.read(entry_of("a", "18446744073709551615"), {23, 0}), std::nullopt);
    EXPECT_EQ(repeats.read(entry_of("a", "18446744073709551614"), {24, 0}), std::nullopt);
    EXPECT_EQ(repeats.read(entry_of("a", "18446744073709551615"), {25, 0}), (Id{23, 0}));
    EXPECT_EQ(repeats.read(entry_of("a", "11"), {26, 0}), std::nullopt);
}

TEST(Repeats, TheNodeThatWasSilentLongestMakesRoom) {
    Repeats repeats(2);
    (void)repeats.read(entry_of("a", "1"), {1, 0});
    (void)repeats.read(entry_of("b", "1"), {2, 0});
    (void)repeats.read(entry_of("a", "2"), {3, 0});
    (void)repeats.read(entry_of("c", "1"), {4, 0});
    EXPECT_EQ(repeats.first_of(entry_of("b", "1")), std::nullopt);
    EXPECT_EQ(repeats.first_of(entry_of("a", "1")), (Id{1, 0}));
    EXPECT_EQ(repeats.first_of(entry_of("c", "1")), (Id{4, 0}));
}

}  // namespace
}  // namespace starling::cluster
