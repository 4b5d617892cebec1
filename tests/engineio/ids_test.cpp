#include "engineio/ids.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::engineio::test {
namespace {

using Random = std::array<std::byte, 11>;

Random filled(uint8_t value) {
    Random random;
    random.fill(std::byte{value});
    return random;
}

TEST(EngineioIds, made_and_parsed) {
    struct Case {
        uint32_t worker, slot;
        uint8_t random;
        std::string_view text;
    };
    constexpr Case cases[] = {
        {0, 0, 0, "AAAAAAAAAAAAAAAAAAAA"},
        {1, 2, 0, "ABAAACAAAAAAAAAAAAAA"},
        {64, 64, 0xff, "BAAABA______________"},
        {sid_workers_max - 1, sid_slots_max - 1, 0xfb, "______-_v7-_v7-_v7-_"},
    };
    for (const auto& c : cases) {
        const Sid sid = make_sid(c.worker, c.slot, filled(c.random));
        EXPECT_EQ(sid.view(), c.text);
        const auto parts = parse_sid(sid.view());
        ASSERT_TRUE(parts);
        EXPECT_EQ(parts->worker, c.worker);
        EXPECT_EQ(parts->slot, c.slot);
        EXPECT_EQ(parts->secret, sid.secret());
        EXPECT_EQ(parts->secret, c.text.substr(6));
    }
}

TEST(EngineioIds, every_random_bit_counts) {
    const Sid zero = make_sid(7, 9, filled(0));
    for (size_t bit = 0; bit < 84; ++bit) {
        Random random = filled(0);
        random[bit / 8] = static_cast<std::byte>(0x80 >> bit % 8);
        const Sid sid = make_sid(7, 9, random);
        EXPECT_FALSE(same_secret(sid.secret(), zero.secret())) << bit;
        EXPECT_TRUE(same_secret(sid.secret(), sid.secret())) << bit;
    }
}

TEST(EngineioIds, refused) {
    const std::string good = "ABAAACAAAAAAAAAAAAAA";
    EXPECT_TRUE(parse_sid(good));
    for (size_t i = 0; i < good.size(); ++i) {
        for (const char c : {'+', '/', '=', ' ', '\0', '\xc3', '.'}) {
            std::string text = good;
            text[i] = c;
            EXPECT_FALSE(parse_sid(text)) << i;
        }
    }
    for (const auto& text : {std::string(), good.substr(1), good + "A", std::string(1000, 'A')})
        EXPECT_FALSE(parse_sid(text)) << text;
    EXPECT_FALSE(same_secret("abc", "abcd"));
    EXPECT_FALSE(same_secret("", "a"));
}

}  // namespace
}  // namespace starling::engineio::test
