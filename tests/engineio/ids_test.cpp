#include "engineio/ids.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::engineio::test {
namespace {

template <size_t Size>
std::array<std::byte, Size> filled(uint8_t value) {
    std::array<std::byte, Size> random;
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
        const Sid sid(c.worker, c.slot, SidSecret(filled<11>(c.random)).text().view());
        EXPECT_EQ(sid.view(), c.text);
        const auto parts = parse_sid(sid.view());
        ASSERT_TRUE(parts);
        EXPECT_EQ(parts->worker, c.worker);
        EXPECT_EQ(parts->slot, c.slot);
        EXPECT_EQ(parts->secret, c.text.substr(6));
        EXPECT_EQ(parts->local, c.text);
        EXPECT_FALSE(parts->masked_node);
    }
}

TEST(EngineioIds, named_node) {
    struct Case {
        uint64_t node, mask;
        std::string_view text;
    };
    constexpr Case cases[] = {
        {0, 0, "ABAAACv7-_v7-_v7-_v7-_v7-_v7AAAAAAAAAAA"},
        {1, 0, "ABAAACv7-_v7-_v7-_v7-_v7-_v7AAAAAAAAAAB"},
        {1, 1, "ABAAACv7-_v7-_v7-_v7-_v7-_v7AAAAAAAAAAA"},
        {UINT64_MAX, 0, "ABAAACv7-_v7-_v7-_v7-_v7-_v7P__________"},
        {0x0123456789abcdef, UINT64_MAX, "ABAAACv7-_v7-_v7-_v7-_v7-_v7P7cuph2VDIQ"},
    };
    for (const auto& c : cases) {
        Sid sid(1, 2, SidSecret(filled<17>(0xbf)).text().view());
        sid.add_node(c.node, c.mask);
        EXPECT_EQ(sid.view().size(), cluster_sid_length);
        const auto parts = parse_sid(sid.view());
        ASSERT_TRUE(parts);
        EXPECT_EQ(parts->worker, 1U);
        EXPECT_EQ(parts->slot, 2U);
        EXPECT_EQ(parts->secret, sid.view().substr(6, cluster_sid_secret_length));
        EXPECT_EQ(parts->local, sid.view().substr(0, 28));
        ASSERT_TRUE(parts->masked_node);
        EXPECT_EQ(*parts->masked_node ^ c.mask, c.node);
        EXPECT_EQ(sid.view(), c.text);
    }
}

template <size_t Bytes, size_t Bits>
void check_every_bit() {
    const SidSecret zero(filled<Bytes>(0));
    for (size_t bit = 0; bit < Bits; ++bit) {
        auto random = filled<Bytes>(0);
        random[bit / 8] = static_cast<std::byte>(0x80 >> bit % 8);
        const SidSecret secret(random);
        EXPECT_FALSE(same_secret(secret.text().view(), zero.text().view())) << bit;
        EXPECT_TRUE(same_secret(secret.text().view(), secret.text().view())) << bit;
    }
}

TEST(EngineioIds, every_random_bit_counts) {
    check_every_bit<11, 84>();
    check_every_bit<17, 132>();
}

TEST(EngineioIds, refused) {
    const std::string good = "ABAAACAAAAAAAAAAAAAA";
    const std::string named = good + "AAAAAAAAAAAAAAAAAAA";
    for (const std::string& sid : {good, named}) {
        EXPECT_TRUE(parse_sid(sid));
        for (size_t i = 0; i < sid.size(); ++i) {
            for (const char c : {'+', '/', '=', ' ', '\0', '\xc3', '.'}) {
                std::string text = sid;
                text[i] = c;
                EXPECT_FALSE(parse_sid(text)) << i;
            }
        }
    }
    std::string too_large = named;
    too_large[28] = 'Q';  // A node's number of 65 bits.
    EXPECT_FALSE(parse_sid(too_large));
    for (const auto& text : {std::string(), good.substr(1), good + "A", named.substr(1),
                             named + "A", std::string(1000, 'A')})
        EXPECT_FALSE(parse_sid(text)) << text;
    EXPECT_FALSE(same_secret("abc", "abcd"));
    EXPECT_FALSE(same_secret("", "a"));
}

}  // namespace
}  // namespace starling::engineio::test
