#include "base/shared_bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/text.h"

namespace starling::base {
namespace {

TEST(SharedBytes, DefaultIsEmptyAndFalse) {
    const SharedBytes bytes;
    EXPECT_FALSE(bytes);
    EXPECT_EQ(bytes.size(), 0u);
    EXPECT_TRUE(bytes.view().empty());
}

TEST(SharedBytes, CopiesWhatItIsGiven) {
    std::string text = "hello";
    const auto bytes = SharedBytes::copy(bytes_of(text));
    text = "other";
    EXPECT_EQ(text_of(bytes.view()), "hello");
    EXPECT_TRUE(SharedBytes::copy({}));
    EXPECT_EQ(SharedBytes::copy({}).size(), 0u);
}

TEST(SharedBytes, HoldersShareTheSameMemory) {
    auto first = SharedBytes::allocate(4);
    std::memcpy(first.writable().data(), "abcd", 4);
    const SharedBytes second = first;
    EXPECT_EQ(first.view().data(), second.view().data());
    first = {};
    EXPECT_FALSE(first);
    EXPECT_EQ(text_of(second.view()), "abcd");
}

TEST(SharedBytes, MovingLeavesNothingBehind) {
    auto first = SharedBytes::copy(bytes_of("abc"));
    const SharedBytes second = std::move(first);
    EXPECT_EQ(text_of(second.view()), "abc");
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): moved-from is null.
}

TEST(SharedBytes, AssigningToItselfKeepsTheBytes) {
    auto bytes = SharedBytes::copy(bytes_of("abc"));
    const SharedBytes& same = bytes;
    bytes = same;
    EXPECT_EQ(text_of(bytes.view()), "abc");
}

}  // namespace
}  // namespace starling::base
