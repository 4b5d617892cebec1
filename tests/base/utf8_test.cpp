// UTF-8 against tables and against simdjson, split at every byte.
#include "base/utf8.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "tests/ws/wire.h"

namespace starling::base {
namespace {

using ws::test::Bytes, ws::test::to_hex, ws::test::unhex;

std::string_view text_of(const Bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool reference(std::span<const std::byte> bytes) {
    return simdjson::validate_utf8(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Feeds byte by byte. Returns the index of the byte that proves the fault, or -1.
int fault_at(std::span<const std::byte> bytes) {
    Utf8Validator validator;
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (!validator.feed(bytes.subspan(i, 1))) return static_cast<int>(i);
    }
    return -1;
}

TEST(Utf8, FailsAtTheByteThatProvesIt) {
    struct Case {
        std::string_view hex;
        int at;         // -1: all bytes are valid.
        bool complete;  // For valid bytes: they end at the end of a character.
    };
    constexpr Case cases[] = {
        {"", -1, true},
        {"00", -1, true},
        {"7f", -1, true},
        {"80", 0, false},
        {"bf", 0, false},
        {"c0", 0, false},
        {"c1", 0, false},
        {"c2", -1, false},
        {"c280", -1, true},
        {"c27f", 1, false},
        {"c2c2", 1, false},
        {"dfbf", -1, true},
        {"e0", -1, false},
        {"e09f", 1, false},
        {"e0a0", -1, false},
        {"e0a080", -1, true},
        {"e0a07f", 2, false},
        {"ed9fbf", -1, true},
        {"eda0", 1, false},
        {"edbf", 1, false},
        {"ee8080", -1, true},
        {"efbfbf", -1, true},
        {"efbbbf", -1, true},
        {"f0", -1, false},
        {"f08f", 1, false},
        {"f090", -1, false},
        {"f09080", -1, false},
        {"f0908080", -1, true},
        {"f09080c0", 3, false},
        {"f3bfbfbf", -1, true},
        {"f48fbfbf", -1, true},
        {"f490", 1, false},
        {"f5", 0, false},
        {"f8", 0, false},
        {"fe", 0, false},
        {"ff", 0, false},
        {"61c3a4e282acf09f9880", -1, true},
        {"cebae1bdb9cf83eda080", 8, false},
        {"61*100 c0", 100, false},
        {"c3a4 61*100 e282", -1, false},
    };
    for (const Case& c : cases) {
        const Bytes bytes = unhex(c.hex);
        EXPECT_EQ(fault_at(bytes), c.at) << c.hex;
        Utf8Validator validator;
        EXPECT_EQ(validator.feed(bytes), c.at < 0) << c.hex;
        if (c.at < 0) {
            EXPECT_EQ(validator.complete(), c.complete) << c.hex;
        }
        EXPECT_EQ(utf8_is_valid(bytes), c.at < 0 && c.complete) << c.hex;
    }
}

TEST(Utf8, EveryTwoBytesAndManyFourAgreeWithSimdjson) {
    for (unsigned a = 0; a < 256; ++a) {
        for (unsigned b = 0; b < 256; ++b) {
            const Bytes two = {static_cast<std::byte>(a), static_cast<std::byte>(b)};
            ASSERT_EQ(utf8_is_valid(two), reference(two)) << to_hex(two);
        }
    }
    constexpr uint8_t edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    Bytes four(4);
    for (const uint8_t a : edges) {
        for (const uint8_t b : edges) {
            for (const uint8_t c : edges) {
                for (const uint8_t d : edges) {
                    four = {std::byte{a}, std::byte{b}, std::byte{c}, std::byte{d}};
                    ASSERT_EQ(utf8_is_valid(four), reference(four)) << to_hex(four);
                    const std::string repaired = utf8_repaired(text_of(four));
                    ASSERT_TRUE(utf8_is_valid(repaired)) << to_hex(four);
                    ASSERT_EQ(repaired == text_of(four), reference(four)) << to_hex(four);
                }
            }
        }
    }
}

TEST(Utf8, EverySplitOfLongTextAgreesWithSimdjson) {
    const Bytes good = unhex(
        "61*70 c3a4c3b6 e282ac 62*20 f09f9880f09f9881 e4bda0e5a5bd 63*64 e4b88be7babfe4ba86 c3a4 "
        "64*9 "
        "f48fbfbf ed9fbf e4bda0e5a5bde4bda0e5a5bde4bda0e5a5bde4bda0e5a5bde4bda0e5a5bde4bda0e5a5bd "
        "65*3");
    for (size_t wrong = 0; wrong <= good.size(); wrong += wrong < 60 ? 20 : 1) {
        Bytes text = good;
        if (wrong < text.size()) text[wrong] ^= std::byte{0xc1};
        const bool want = reference(text);
        const int at = fault_at(text);
        for (size_t split = 0; split <= text.size(); ++split) {
            Utf8Validator validator;
            const auto whole = std::span<const std::byte>(text);
            const bool first = validator.feed(whole.first(split));
            ASSERT_EQ(first, at < 0 || static_cast<size_t>(at) >= split) << wrong << " " << split;
            if (!first) continue;
            ASSERT_EQ(validator.feed(whole.subspan(split)), at < 0) << wrong << " " << split;
            ASSERT_EQ(at < 0 && validator.complete(), want) << wrong << " " << split;
        }
    }
}

TEST(Utf8, OneCharacterAndWhatOfABrokenOneIsReplaced) {
    struct Case {
        std::string_view hex;
        uint32_t code;
        unsigned bytes;
        bool valid;
    };
    constexpr Case cases[] = {
        {"00", 0, 1, true},
        {"7f80", 0x7f, 1, true},
        {"c280", 0x80, 2, true},
        {"dfbf", 0x7ff, 2, true},
        {"e0a080", 0x800, 3, true},
        {"ed9fbf", 0xd7ff, 3, true},
        {"ee8080", 0xe000, 3, true},
        {"efbfbf61", 0xffff, 3, true},
        {"f0908080", 0x10000, 4, true},
        {"f48fbfbf", 0x10ffff, 4, true},
        // Unicode 15.0 table 3-8 and its neighbours.
        {"80", 0xfffd, 1, false},
        {"c0af", 0xfffd, 1, false},
        {"c2", 0xfffd, 1, false},
        {"c241", 0xfffd, 1, false},
        {"e0809f", 0xfffd, 1, false},
        {"e2", 0xfffd, 1, false},
        {"e282", 0xfffd, 2, false},
        {"e28241", 0xfffd, 2, false},
        {"eda080", 0xfffd, 1, false},
        {"f0808080", 0xfffd, 1, false},
        {"f1", 0xfffd, 1, false},
        {"f180", 0xfffd, 2, false},
        {"f180e1", 0xfffd, 2, false},
        {"f18080", 0xfffd, 3, false},
        {"f18080c2", 0xfffd, 3, false},
        {"f4908080", 0xfffd, 1, false},
        {"ff", 0xfffd, 1, false},
    };
    for (const Case& c : cases) {
        const Bytes bytes = unhex(c.hex);
        const Utf8Character character = utf8_front(text_of(bytes));
        EXPECT_EQ(character.code, c.code) << c.hex;
        EXPECT_EQ(character.bytes, c.bytes) << c.hex;
        EXPECT_EQ(character.valid, c.valid) << c.hex;
    }
}

TEST(Utf8, RepairsAsBrowsersDecode) {
    const struct {
        std::string_view text, repaired;
    } cases[] = {
        {"", ""},
        {"plain 你好 🐦", "plain 你好 🐦"},
        {"a\x80"
         "b",
         "a\ufffd"
         "b"},
        {"\xe4\xbd", "\ufffd"},
        {"\xe4\xbd\xe4\xbd\xa0", "\ufffd你"},
        {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
        {"\xf0\x9f\x90", "\ufffd"},
    };
    for (const auto& c : cases) EXPECT_EQ(utf8_repaired(c.text), c.repaired) << c.text;
}

TEST(Utf8, ACutKeepsCharactersWhole) {
    const std::string_view text = "a你🐦";  // 1, 3 and 4 bytes.
    const size_t kept[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 8};
    for (size_t bytes_max = 0; bytes_max < std::size(kept); ++bytes_max)
        EXPECT_EQ(utf8_cut(text, bytes_max), text.substr(0, kept[bytes_max])) << bytes_max;
    // Invalid UTF-8 is cut, too.
    EXPECT_EQ(utf8_cut(std::string(10, '\x80'), 8).size(), 5u);
}

}  // namespace
}  // namespace starling::base
