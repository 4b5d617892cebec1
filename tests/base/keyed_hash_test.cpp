// SipHash-1-3, and its key, which differs between processes.
#include "base/keyed_hash.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::base {
namespace {

TEST(KeyedHash, IsSipHash13) {
    // Values of CPython 3.11 with PYTHONHASHSEED=0, whose key is zero.
    const struct {
        std::string_view text;
        uint64_t hash;
    } cases[] = {
        {"a", 0x407448d2b89b1813},
        {"chatroom", 0x868ec72bd861ca04},
        {"room-12345678", 0x385d912eb16f2d4c},
    };
    for (const auto& [text, hash] : cases) EXPECT_EQ(siphash13({0, 0}, text), hash) << text;
}

TEST(KeyedHash, DependsOnEveryByteAndTheKey) {
    const std::string text = "a room's name of 31 bytes, say.";
    for (size_t size = 0; size <= text.size(); ++size) {
        const std::string_view front = std::string_view(text).substr(0, size);
        const uint64_t hash = siphash13({1, 2}, front);
        EXPECT_NE(hash, siphash13({1, 3}, front));
        EXPECT_NE(hash, siphash13({2, 2}, front));
        EXPECT_NE(hash, siphash13({1, 2}, std::string(front) + '\0'));
        EXPECT_EQ(KeyedTextHash{}(front), KeyedTextHash{}(std::string(front)));
        EXPECT_NE(KeyedTextHash{}(front), siphash13({0, 0}, front));
        for (size_t i = 0; i < size; ++i) {
            std::string other(front);
            other[i] ^= 1;
            EXPECT_NE(hash, siphash13({1, 2}, other));
        }
    }
}

}  // namespace
}  // namespace starling::base
