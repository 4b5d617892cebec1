#include "cluster/repeats.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace starling::cluster {
namespace {

using Id = Repeats::StreamId;

constexpr uint64_t then_ms = 5000;

Entry entry_of(const std::string& uid, const std::string& value,
               const std::string& data = "hello") {
    return {{"uid", uid}, {"nsp", "/"}, {"data", data}, {std::string(Repeats::field), value}};
}

Entry entry(const std::string& uid, uint64_t number, uint64_t first = 1) {
    return entry_of(uid, Repeats::value_of(number, first));
}

TEST(Repeats, AnEntryOfTheSameNodeAndNumberIsThereAgain) {
    Repeats repeats;
    EXPECT_EQ(repeats.read(entry("a", 1), {5, 0}, then_ms), std::nullopt);
    EXPECT_EQ(repeats.read(entry("a", 2), {5, 1}, then_ms), std::nullopt);
    EXPECT_EQ(repeats.read(entry("b", 1), {5, 2}, then_ms), std::nullopt);
    repeats.may_come(then_ms, "");
    EXPECT_EQ(repeats.read(entry("a", 1), {6, 0}, then_ms), (Id{5, 0}));
    EXPECT_EQ(repeats.read(entry("a", 2), {6, 1}, then_ms), (Id{5, 1}));
    EXPECT_EQ(repeats.read(entry("a", 3), {6, 2}, then_ms), std::nullopt);
    // The second time as well: the first place counts.
    EXPECT_EQ(repeats.read(entry("a", 1), {7, 0}, then_ms), (Id{5, 0}));
}

// Otherwise whoever can write to Redis could make entries vanish at any time.
TEST(Repeats, NoneComesUnlessTheStreamHasLostEntries) {
    Repeats repeats;
    (void)repeats.read(entry("a", 1), {5, 0}, then_ms);
    EXPECT_EQ(repeats.read(entry("a", 1), {6, 0}, then_ms), std::nullopt);
    repeats.may_come(then_ms, "");
    EXPECT_EQ(repeats.read(entry("a", 1), {7, 0}, then_ms + Repeats::may_come_ms - 1), (Id{6, 0}));
    EXPECT_EQ(repeats.read(entry("a", 1), {8, 0}, then_ms + Repeats::may_come_ms), std::nullopt);
}

TEST(Repeats, AnotherEntryWithTheNumberIsNew) {
    Repeats repeats;
    repeats.may_come(then_ms, "");
    (void)repeats.read(entry_of("a", "1 1", "forged"), {5, 0}, then_ms);
    EXPECT_EQ(repeats.read(entry_of("a", "1 1", "true"), {5, 1}, then_ms), std::nullopt);
    EXPECT_EQ(repeats.read(entry_of("a", "1 1", "true"), {6, 0}, then_ms), (Id{5, 1}));
}

// A node says how far its entries have answers, and that differs the second time.
TEST(Repeats, WhatHadItsAnswerIsForgotten) {
    Repeats repeats;
    repeats.may_come(then_ms, "");
    for (uint64_t i = 1; i <= 10; ++i) (void)repeats.read(entry("a", i), {i, 0}, then_ms);
    EXPECT_EQ(repeats.read(entry("a", 9, 9), {20, 0}, then_ms), (Id{9, 0}));
    EXPECT_EQ(repeats.read(entry("a", 8, 8), {21, 0}, then_ms), std::nullopt);
    EXPECT_EQ(repeats.read(entry("a", 10, 9), {22, 0}, then_ms), (Id{10, 0}));
}

TEST(Repeats, ANodeThatGoesOnHasAppendedWhatComesAgain) {
    Repeats repeats;
    (void)repeats.read(entry("a", 1), {1, 0}, then_ms);
    (void)repeats.read(entry("a", 2), {2, 0}, then_ms);
    (void)repeats.read(entry("b", 7), {3, 0}, then_ms);
    (void)repeats.read(entry("c", 1), {4, 0}, then_ms);
    EXPECT_FALSE(repeats.may_still_come(then_ms));
    repeats.may_come(then_ms, "c");
    EXPECT_TRUE(repeats.may_still_come(then_ms));
    (void)repeats.read(entry("b", 8, 8), {5, 0}, then_ms);
    (void)repeats.read(entry("a", 1), {6, 0}, then_ms);
    EXPECT_TRUE(repeats.may_still_come(then_ms));
    EXPECT_FALSE(repeats.may_still_come(then_ms + Repeats::may_come_ms));
    (void)repeats.read(entry("a", 2), {7, 0}, then_ms);
    EXPECT_FALSE(repeats.may_still_come(then_ms));
    // Once more.
    repeats.may_come(then_ms, "");
    EXPECT_TRUE(repeats.may_still_come(then_ms));
    EXPECT_EQ(repeats.read(entry("a", 1), {8, 0}, then_ms), (Id{1, 0}));
}

TEST(Repeats, AnEntryWithoutNumberOrSenderIsNew) {
    Repeats repeats;
    repeats.may_come(then_ms, "");
    const Entry entries[] = {
        {{"uid", "a"}},
        {{std::string(Repeats::field), "1 1"}},
        entry("", 1),
        entry_of("a", ""),
        entry_of("a", "1"),
        entry_of("a", "0 0"),
        entry_of("a", "1 2"),
        entry_of("a", "-1 1"),
        entry_of("a", "1 -1"),
        entry_of("a", "1 1x"),
        entry_of("a", " 1 1"),
        entry_of("a", "1  1"),
        entry_of("a", "18446744073709551616 1"),
        entry(std::string(65, 'a'), 1),
        {},
    };
    for (const Entry& one : entries)
        for (uint64_t i = 1; i <= 2; ++i)
            EXPECT_EQ(repeats.read(one, {i, 0}, then_ms), std::nullopt);
}

TEST(Repeats, TheFirstFieldOfANameCounts) {
    Repeats repeats;
    repeats.may_come(then_ms, "");
    Entry twice = entry("a", 1);
    (void)repeats.read(twice, {5, 0}, then_ms);
    twice.emplace_back("uid", "b");
    twice.emplace_back(std::string(Repeats::field), "7 7");
    (void)repeats.read(twice, {5, 1}, then_ms);
    EXPECT_EQ(repeats.read(entry("b", 7), {5, 2}, then_ms), std::nullopt);
}

TEST(Repeats, AsManyAsMayBeUnderWayAreKept) {
    Repeats repeats;
    repeats.may_come(then_ms, "");
    for (uint64_t i = 1; i <= Repeats::entries_max + 1; ++i)
        EXPECT_EQ(repeats.read(entry("a", i), {i, 0}, then_ms), std::nullopt);
    EXPECT_EQ(repeats.read(entry("a", 2), {9000, 0}, then_ms), (Id{2, 0}));
    EXPECT_EQ(repeats.read(entry("a", 1), {9001, 0}, then_ms), std::nullopt) << "too old";
}

TEST(Repeats, GreatNumbersAndThoseOutOfOrder) {
    Repeats repeats;
    repeats.may_come(then_ms, "");
    constexpr uint64_t greatest = UINT64_MAX;
    EXPECT_EQ(repeats.read(entry("a", greatest), {1, 0}, then_ms), std::nullopt);
    EXPECT_EQ(repeats.read(entry("a", 5), {2, 0}, then_ms), std::nullopt);
    EXPECT_EQ(repeats.read(entry("a", greatest), {3, 0}, then_ms), (Id{1, 0}));
    EXPECT_EQ(repeats.read(entry("a", 5), {4, 0}, then_ms), (Id{2, 0}));
}

TEST(Repeats, TheNodeThatWasSilentLongestMakesRoom) {
    Repeats repeats(2);
    repeats.may_come(then_ms, "");
    (void)repeats.read(entry("a", 1), {1, 0}, then_ms);
    (void)repeats.read(entry("b", 1), {2, 0}, then_ms);
    (void)repeats.read(entry("a", 2), {3, 0}, then_ms);
    (void)repeats.read(entry("c", 1), {4, 0}, then_ms);
    EXPECT_EQ(repeats.read(entry("a", 1), {5, 0}, then_ms), (Id{1, 0}));
    EXPECT_EQ(repeats.read(entry("c", 1), {6, 0}, then_ms), (Id{4, 0}));
    EXPECT_EQ(repeats.read(entry("b", 1), {7, 0}, then_ms), std::nullopt);
}

}  // namespace
}  // namespace starling::cluster
