// base::Result: a value or a failure.
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace starling::base {
namespace {

Result<std::unique_ptr<int>> positive(int number) {
    if (number <= 0) return Failure("not positive");
    return std::make_unique<int>(number);
}

Result<void, int> even(int number) {
    if (number % 2) return Failure(number);
    return {};
}

TEST(Result, HoldsAValueOrAFailure) {
    auto good = positive(3);
    ASSERT_TRUE(good);
    EXPECT_EQ(**good, 3);
    const std::unique_ptr<int> moved = *std::move(good);
    EXPECT_EQ(*moved, 3);
    const auto bad = positive(-1);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error(), "not positive");
}

TEST(Result, MayHoldNoValueAndAnotherKindOfError) {
    EXPECT_TRUE(even(2));
    ASSERT_FALSE(even(3));
    EXPECT_EQ(even(3).error(), 3);
}

TEST(Result, TellsAStringValueFromAStringError) {
    const Result<std::string> value = std::string("text");
    const Result<std::string> error = Failure(std::string("why"));
    ASSERT_TRUE(value);
    EXPECT_EQ(*value, "text");
    EXPECT_EQ(value->size(), 4u);
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error(), "why");
}

#if defined(STARLING_ASSERTIONS)
TEST(ResultDeathTest, WhatItDoesNotHoldIsNotTaken) {
    const auto good = positive(3);
    EXPECT_DEATH(static_cast<void>(good.error()), "a Result that succeeded has no error");
    const auto bad = positive(-1);
    EXPECT_DEATH(static_cast<void>(*bad), "a Result that failed has no value");
    const auto done = even(2);
    EXPECT_DEATH(static_cast<void>(done.error()), "a Result that succeeded has no error");
}
#endif

}  // namespace
}  // namespace starling::base
