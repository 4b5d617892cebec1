// The names of channels and streams, each as Node.js makes it.
#include "cluster/names.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/cluster/shown.h"

namespace starling::cluster {
namespace {

TEST(ClusterNames, Classic) {
    const ClassicNames names("socket.io", "/admin");
    EXPECT_EQ(names.all(), "socket.io#/admin#");
    EXPECT_EQ(names.room("a"), "socket.io#/admin#a#");
    EXPECT_EQ(names.pattern(), "socket.io#/admin#*");
    EXPECT_EQ(names.request(), "socket.io-request#/admin#");
    EXPECT_EQ(names.response(), "socket.io-response#/admin#");
    EXPECT_EQ(names.response_to("abc123"), "socket.io-response#/admin#abc123#");
    EXPECT_EQ(ClassicNames("k[1]", "/a*?\\").pattern(), R"(k\[1\]#/a\*\?\\#*)");
}

TEST(ClusterNames, RoomOfAChannel) {
    const ClassicNames names("socket.io", "/");
    const struct {
        std::string_view channel;
        std::string_view room;  // "-": none.
    } cases[] = {
        {"socket.io#/#", ""},
        {"socket.io#/#a#", "a"},
        {"socket.io#/#a#b#", "a#b"},
        {"socket.io#/###", "#"},
        {"socket.io#/#a", "-"},
        {"socket.io#/b#", "-"},
        {"", "-"},
        {"socket.io#/##", ""},
    };
    for (const auto& row : cases)
        EXPECT_EQ(names.room_of(row.channel).value_or("-"), row.room) << row.channel;
}

TEST(ClusterNames, RoomsWithAChannelOfTheirOwn) {
    const std::string id = "k93DuUnWhh1XuX0BAAAB";
    EXPECT_FALSE(has_channel(RoomChannels::none, "a"));
    EXPECT_TRUE(has_channel(RoomChannels::named, "a"));
    EXPECT_FALSE(has_channel(RoomChannels::named, id));
    EXPECT_TRUE(has_channel(RoomChannels::all, id));
    // 20 units of UTF-16 in 40 bytes; 20 bytes in 10 units.
    EXPECT_FALSE(has_channel(RoomChannels::named, "éééééééééééééééééééé"));
    EXPECT_TRUE(has_channel(RoomChannels::named, "éééééééééé"));
    EXPECT_FALSE(has_channel(RoomChannels::named, "😀😀😀😀😀😀😀😀😀😀"));
    EXPECT_TRUE(subscribes(RoomChannels::named, false));
    EXPECT_FALSE(subscribes(RoomChannels::named, true));
    EXPECT_TRUE(subscribes(RoomChannels::all, true));
    EXPECT_FALSE(subscribes(RoomChannels::none, false));
}

// The hashes and streams are those of hashCode() and computeStreamName() of the streams adapter.
TEST(ClusterNames, StreamOfANamespace) {
    const struct {
        std::string_view nsp;
        int32_t hash;
        std::string_view of3;
    } cases[] = {
        {"/", 47, "socket.io-2"},
        {"/admin", 1438238848, "socket.io-1"},
        {"/dashboard", -1694060731, "socket.io--1"},
        {"/notifications", -1014064871, "socket.io--2"},
        {"/chat", 46457863, "socket.io-1"},
        {"/ünï", 1645998, "socket.io-0"},
        {"/😀", 1818066, "socket.io-0"},
        {"/a-very-long-namespace-name-that-overflows-32-bits", -1810314067, "socket.io--1"},
    };
    for (const auto& row : cases) {
        EXPECT_EQ(java_hash(row.nsp), row.hash) << row.nsp;
        EXPECT_EQ(stream_name("socket.io", 3, row.nsp), row.of3) << row.nsp;
        EXPECT_EQ(stream_name("socket.io", 1, row.nsp), "socket.io");
    }
    EXPECT_EQ(test::joined(stream_names("s", 3)), "s--2|s--1|s-0|s-1|s-2");
    EXPECT_EQ(test::joined(stream_names("s", 1)), "s");
}

TEST(ClusterNames, StreamIds) {
    const struct {
        std::string_view text;
        std::string_view next;  // "-": not an id; "end": the greatest id.
    } cases[] = {
        {"1795974455451-0", "1795974455451-1"},
        {"0-0", "0-1"},
        {"1-18446744073709551615", "2-0"},
        {"18446744073709551615-18446744073709551615", "end"},
        {"", "-"},
        {"1", "-"},
        {"1-", "-"},
        {"-1", "-"},
        {"1-2-3", "-"},
        {"1-a", "-"},
        {"+1-0", "-"},
        {" 1-0", "-"},
        {"18446744073709551616-0", "-"},
    };
    for (const auto& row : cases) {
        const auto id = parse_stream_id(row.text);
        const auto after = id ? next(*id) : std::nullopt;
        EXPECT_EQ(!id ? "-" : after ? to_text(*after) : "end", row.next) << row.text;
    }
    EXPECT_LT(*parse_stream_id("9-9"), *parse_stream_id("10-0"));
}

}  // namespace
}  // namespace starling::cluster
