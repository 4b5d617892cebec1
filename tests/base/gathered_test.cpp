// Keys that are gathered until a call takes them all.
#include "base/gathered.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace starling::base {
namespace {

std::vector<int> taken(Gathered<int>& keys) {
    std::vector<int> found;
    keys.take([&](int key) { found.push_back(key); });
    return found;
}

TEST(Gathered, ACallTakesAllInTheirOrder) {
    Gathered<int> keys;
    EXPECT_TRUE(keys.empty());
    for (int i = 0; i < 600; ++i) keys.add(i);
    EXPECT_FALSE(keys.empty());
    const auto found = taken(keys);
    ASSERT_EQ(found.size(), 600u);
    for (int i = 0; i < 600; ++i) EXPECT_EQ(found[size_t(i)], i);
    EXPECT_TRUE(keys.empty());
    EXPECT_EQ(taken(keys), std::vector<int>());
}

TEST(Gathered, WhatTheCallAddsIsForTheNextOne) {
    Gathered<int> keys;
    keys.add(1);
    keys.add(2);
    std::vector<int> found;
    keys.take([&](int key) {
        found.push_back(key);
        keys.add(key + 10);
    });
    EXPECT_EQ(found, (std::vector{1, 2}));
    EXPECT_FALSE(keys.empty());
    EXPECT_EQ(taken(keys), (std::vector{11, 12}));
}

TEST(Gathered, AnExceptionDropsTheOthers) {
    Gathered<int> keys;
    for (const int key : {1, 2, 3}) keys.add(key);
    EXPECT_THROW(keys.take([](int) { throw std::runtime_error("no"); }), std::runtime_error);
    keys.add(4);
    EXPECT_EQ(taken(keys), (std::vector{4}));
}

}  // namespace
}  // namespace starling::base
