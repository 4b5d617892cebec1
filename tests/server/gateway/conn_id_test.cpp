// Ids of connections: UUIDs of version 4 that name their place to the gateway that made them, and to no one else.
#include "server/gateway/conn_id.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

namespace starling::server::test {
namespace {

using Place = ConnIds::Place;

std::array<std::byte, 16> bytes(unsigned seed) {
    std::array<std::byte, 16> made;
    for (std::byte& byte : made) byte = std::byte((seed = seed * 1103515245 + 12345) >> 16);
    return made;
}

std::string make(const ConnIds& ids, Place place, unsigned seed) {
    const auto id = ids.make(place, bytes(seed));
    return {id.data(), id.size()};
}

TEST(GatewayConnId, NamesItsPlace) {
    const ConnIds ids(bytes(1));
    const Place places[] = {{0, 0}, {1, 0}, {0, 1}, {7, 123'456}, {1023, UINT32_MAX}};
    for (const Place place : places)
        for (unsigned seed = 0; seed < 100; ++seed)
            EXPECT_EQ(ids.place_of(make(ids, place, seed)), place) << seed;
}

TEST(GatewayConnId, IsAUuidOfVersion4) {
    const ConnIds ids(bytes(1));
    for (unsigned seed = 0; seed < 100; ++seed) {
        const std::string id = make(ids, {3, seed}, seed);
        ASSERT_EQ(id.size(), 36u);
        for (const size_t dash : {8u, 13u, 18u, 23u}) EXPECT_EQ(id[dash], '-') << id;
        EXPECT_EQ(id[14], '4') << id;
        EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
        EXPECT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos) << id;
    }
}

TEST(GatewayConnId, OfAClusterNamesItsNodeToEverybody) {
    ConnIds ids(bytes(1));
    ids.use_node(0xABCD);
    std::set<std::string> beginnings;
    for (unsigned seed = 0; seed < 100; ++seed) {
        const std::string id = make(ids, {7, seed}, seed);
        EXPECT_EQ(ConnIds::node_of(id), 0xABCD);
        EXPECT_EQ(ids.place_of(id), (Place{7, seed}));
        EXPECT_EQ(id[14], '4') << id;
        beginnings.insert(id.substr(0, 4));
    }
    EXPECT_GT(beginnings.size(), 90u);  // The mark is masked.
    EXPECT_FALSE(ConnIds::node_of("no uuid"));
}

TEST(GatewayConnId, WithoutAClusterAllBitsAreRandom) {
    const ConnIds ids(bytes(1));
    const auto random = bytes(3);
    const auto uuid = webhook::make_uuid(random);
    EXPECT_EQ(make(ids, {0, 5}, 3).substr(0, 18), std::string(uuid.data(), 18));
}

// Many ids of one place have nothing in common.
TEST(GatewayConnId, HidesThePlace) {
    const ConnIds ids(bytes(1));
    std::set<std::string> ends;
    for (unsigned seed = 0; seed < 1000; ++seed) ends.insert(make(ids, {0, 5}, seed).substr(24));
    EXPECT_EQ(ends.size(), 1000u);
}

TEST(GatewayConnId, AnotherGatewayFindsAnotherPlace) {
    const ConnIds ids(bytes(1)), others(bytes(2));
    size_t same = 0;
    for (unsigned seed = 0; seed < 1000; ++seed)
        same += others.place_of(make(ids, {0, 5}, seed)) == Place{0, 5};
    EXPECT_EQ(same, 0u);
}

TEST(GatewayConnId, OtherTextHasNoPlace) {
    const ConnIds ids(bytes(1));
    const std::string id = make(ids, {0, 5}, 1);
    std::string upper = id;
    for (char& c : upper) c = char(std::toupper(c));
    EXPECT_FALSE(ids.place_of(""));
    EXPECT_FALSE(ids.place_of(id.substr(1)));
    EXPECT_FALSE(ids.place_of(id + "0"));
    EXPECT_FALSE(ids.place_of("zzzzzzzz-zzzz-4zzz-8zzz-zzzzzzzzzzzz"));
    EXPECT_FALSE(ids.place_of("00000000000000000000000000000000----"));
    EXPECT_NE(upper, id);
    EXPECT_FALSE(ids.place_of(upper));
}

}  // namespace
}  // namespace starling::server::test
