#include "redis/slots.h"

#include <gtest/gtest.h>

#include <string>

#include "base/text.h"
#include "redis/reader.h"

namespace starling::redis {
namespace {

TEST(RedisSlots, AreCrc16OfTheKeyOrItsHashTag) {
    // Values of CLUSTER KEYSLOT of a redis-server 7.0.
    EXPECT_EQ(crc16("123456789"), 0x31c3);
    const std::pair<const char*, uint16_t> cases[] = {
        {"foo", 12182},      {"bar", 5061},        {"", 0},
        {"{foo}", 12182},    {"{foo}.bar", 12182}, {"a{foo}b{bar}", 12182},
        {"foo{}bar", 14292}, {"{}foo", 9500},      {"foo{{bar}}zap", 4015},
        {"foo{bar", 15278},
    };
    for (const auto& [key, slot] : cases) EXPECT_EQ(slot_of(key), slot) << key;
    EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
    EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    EXPECT_NE(slot_of("{}foo"), slot_of("{}bar"));
}

TEST(RedisSlots, ANameBesideAKeyIsInItsSlot) {
    EXPECT_EQ(name_beside("foo", ":end"), "{foo}:end");
    EXPECT_EQ(name_beside("a{foo}b", ":end"), "a{foo}b:end");
    for (const char* const key : {"foo", "{foo}", "a{foo}b{bar}", "foo{bar", "}{a}"})
        EXPECT_EQ(slot_of(name_beside(key, ":end")), slot_of(key)) << key;
}

bool read(SlotMap& map, std::string_view wire) {
    Reader reader;
    auto input = base::bytes_of(wire);
    EXPECT_EQ(reader.next(input), Reader::Step::reply);
    return map.read(reader.reply(), {"asked", 7});
}

std::string owner(const SlotMap& map, uint16_t slot) {
    const Endpoint* const found = map.owner(slot);
    return found ? show(*found) : "nobody";
}

TEST(RedisSlots, AreReadFromClusterSlots) {
    SlotMap map;
    EXPECT_EQ(owner(map, 0), "nobody");
    ASSERT_TRUE(read(map,
                     "*3\r\n"
                     "*3\r\n:0\r\n:100\r\n*3\r\n$1\r\na\r\n:1\r\n$2\r\nid\r\n"
                     "*4\r\n:101\r\n:200\r\n*2\r\n$0\r\n\r\n:2\r\n*2\r\n$1\r\nr\r\n:9\r\n"
                     "*3\r\n:300\r\n:16383\r\n*4\r\n_\r\n:3\r\n+id\r\n*0\r\n"));
    EXPECT_EQ(owner(map, 0), "a:1");
    EXPECT_EQ(owner(map, 100), "a:1");
    EXPECT_EQ(owner(map, 101), "asked:2");
    EXPECT_EQ(owner(map, 201), "nobody");
    EXPECT_EQ(owner(map, 16383), "asked:3");
    EXPECT_EQ(map.covered(), 101u + 100 + 16084);
    EXPECT_EQ(map.nodes().size(), 3u);
}

TEST(RedisSlots, KeepWhatTheyHaveIfAReplyIsNone) {
    SlotMap map;
    ASSERT_TRUE(read(map, "*1\r\n*3\r\n:0\r\n:5\r\n*2\r\n+a\r\n:1\r\n"));
    for (const char* wire :
         {"-ERR This instance has cluster support disabled\r\n", "*0\r\n", "*1\r\n:1\r\n",
          "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n+a\r\n:1\r\n",
          "*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n+a\r\n:1\r\n",
          "*1\r\n*3\r\n:0\r\n:5\r\n*2\r\n+a\r\n:0\r\n", "*1\r\n*3\r\n:0\r\n:5\r\n*1\r\n+a\r\n",
          "*1\r\n*2\r\n:0\r\n:5\r\n", "*1\r\n*3\r\n+0\r\n:5\r\n*2\r\n+a\r\n:1\r\n"}) {
        EXPECT_FALSE(read(map, wire)) << wire;
        EXPECT_EQ(owner(map, 5), "a:1");
    }
}

TEST(RedisSlots, FollowMoved) {
    SlotMap map;
    map.moved({false, 5, {"b", 2}}, {"a", 1});
    map.moved({false, 6, {"", 3}}, {"a", 1});
    map.moved({false, 7, {"b", 2}}, {"a", 1});
    EXPECT_EQ(owner(map, 5), "b:2");
    EXPECT_EQ(owner(map, 6), "a:3");
    EXPECT_EQ(owner(map, 7), "b:2");
    EXPECT_EQ(map.nodes().size(), 2u);
}

TEST(RedisErrors, AreToldApart) {
    const std::tuple<const char*, ErrorKind, Reaction> cases[] = {
        {"LOADING Redis is loading the dataset in memory", ErrorKind::loading, Reaction::wait},
        {"LOADING Valkey is loading the dataset in memory", ErrorKind::loading, Reaction::wait},
        {"BUSY Valkey is busy running a script.", ErrorKind::busy, Reaction::wait},
        {"MISCONF Valkey is configured to save", ErrorKind::cannot_write, Reaction::tell},
        {"OOM command not allowed", ErrorKind::out_of_memory, Reaction::tell},
        {"READONLY You can't write", ErrorKind::read_only, Reaction::reconnect},
        {"NOPERM this user", ErrorKind::no_permission, Reaction::tell},
        {"NOAUTH Authentication required.", ErrorKind::credentials, Reaction::stop},
        {"WRONGPASS invalid", ErrorKind::credentials, Reaction::stop},
        {"CLUSTERDOWN Hash slot not served", ErrorKind::cluster_down, Reaction::wait},
        {"MOVED 1 a:1", ErrorKind::moved, Reaction::redirect},
        {"ERR unknown command 'X'", ErrorKind::unknown_command, Reaction::tell},
        {"ERR max number of clients reached", ErrorKind::clients_max, Reaction::reconnect},
        {"ERR wrong number of arguments", ErrorKind::other, Reaction::tell},
        {"", ErrorKind::other, Reaction::tell},
    };
    for (const auto& [text, kind, what] : cases) {
        EXPECT_EQ(error_kind(text), kind) << text;
        EXPECT_EQ(reaction(kind), what) << text;
        EXPECT_EQ(in_words(text).empty(), kind == ErrorKind::other) << text;
    }
}

TEST(RedisErrors, ARedirectNamesSlotAndNode) {
    const std::pair<const char*, const char*> cases[] = {
        {"MOVED 3999 127.0.0.1:6381", "3999 127.0.0.1:6381"},
        {"ASK 3999 127.0.0.1:6381", "ask 3999 127.0.0.1:6381"},
        {"MOVED 0 ::1:6381", "0 [::1]:6381"},
        {"MOVED 0 [::1]:6381", "0 [::1]:6381"},
        {"MOVED 16383 :6381", "16383 :6381"},
        {"MOVED 1 ?:6381", "1 :6381"},
        {"MOVED 16384 a:1", "none"},
        {"MOVED -1 a:1", "none"},
        {"MOVED 1", "none"},
        {"MOVED 1 a", "none"},
        {"MOVED 1 a:0", "none"},
        {"MOVED 1 a:65536", "none"},
        {"MOVED 1 a b:1", "none"},
        {"MOVED", "none"},
        {"ERR MOVED 1 a:1", "none"},
    };
    for (const auto& [text, expected] : cases) {
        const auto read_one = parse_redirect(text);
        EXPECT_EQ(read_one ? (read_one->ask ? "ask " : "") + std::to_string(read_one->slot) + " " +
                                 show(read_one->to)
                           : "none",
                  expected)
            << text;
    }
}

}  // namespace
}  // namespace starling::redis
