#include "hub/presence_wire.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace starling::hub {
namespace {

TEST(PresenceWire, RefusesWhatHasNoMeaning) {
    const PresenceMessage message{.kind = PresenceMessage::Kind::tables,
                                  .tables = {{"c", 0, 300, {{"uann", {"x", "ann", "{}"}, 2}}}}};
    const std::string good = encode(message);
    const auto read = decode_presence(good);
    ASSERT_TRUE(read);
    EXPECT_EQ(encode(*read), good);
    for (size_t i = 2; i < good.size(); ++i)
        EXPECT_FALSE(decode_presence(std::string_view(good).substr(0, i))) << i;
    const std::string rows[] = {
        "",
        "X",
        "H1",
        "T",                           // Good: no table.
        std::string("T\1c\5\5\0", 6),  // The version must be newer.
        std::string("T\1c\0\1\1", 6),  // The claim is missing.
        std::string("D\0\1", 3),       // A channel without a name.
        "D\1\xff\1",                   // Not UTF-8.
        std::string("W\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 11),
        "W" + std::string(PresenceMessage::parts_max + 1, 0),
    };
    for (const auto& row : rows) EXPECT_EQ(decode_presence(row).has_value(), row == "T") << row;
}

TEST(PresenceWire, AClaimThatEndsNamesItsHeir) {
    for (const uint64_t heir :
         {uint64_t{0}, uint64_t{7}, uint64_t{0x9E37'79B9'7F4A'7C15}, UINT64_MAX}) {
        const PresenceMessage message{.kind = PresenceMessage::Kind::confirm,
                                      .tables = {{"c", 1, 2, {{"uann", {}, 0, heir}}}}};
        const std::string bytes = encode(message);
        const auto read = decode_presence(bytes);
        ASSERT_TRUE(read) << heir;
        EXPECT_EQ(read->kind, PresenceMessage::Kind::confirm);
        EXPECT_EQ(read->tables.at(0).claims.at(0).heir, heir);
        for (size_t i = 2; i < bytes.size(); ++i)
            EXPECT_FALSE(decode_presence(std::string_view(bytes).substr(0, i))) << i;
    }
    const std::string claim("C\1c\1\2\1\4uann\0\0\0\0", 15), large = "\x80\x80\x80\x80\x10";
    EXPECT_TRUE(decode_presence(claim + "\1\1"));
    EXPECT_FALSE(decode_presence(claim + large + "\1"));  // A half has 32 bits.
    EXPECT_FALSE(decode_presence(claim + "\1" + large));
}

TEST(PresenceWire, AMemberSaysJsonOrNothing) {
    for (const auto& [info, good] : {std::pair<std::string, bool>{"", true},
                                     {R"({"name":"Ann"})", true},
                                     {"1", true},
                                     {"{", false},
                                     {"1}],\"x\":[{\"y\":2", false}}) {
        const PresenceMessage message{.kind = PresenceMessage::Kind::tables,
                                      .tables = {{"c", 0, 1, {{"ca", {"a", "", info}, 1}}}}};
        EXPECT_EQ(decode_presence(encode(message)).has_value(), good) << info;
    }
}

TEST(PresenceWire, ATableHasABound) {
    PresenceMessage message{.kind = PresenceMessage::Kind::tables, .tables = {{"c", 0, 1}}};
    auto& claims = message.tables.front().claims;
    claims.resize(PresenceMessage::claims_max, {"ca", {}, 1});
    EXPECT_TRUE(decode_presence(encode(message)));
    claims.resize(claims.size() + 1, {"ca", {}, 1});
    EXPECT_FALSE(decode_presence(encode(message)));
}

}  // namespace
}  // namespace starling::hub
