// The scripts of a cluster in a real Redis.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "cluster/appends.h"
#include "server/cluster/session_scripts.h"
#include "tests/server/nodes/redis_server.h"

namespace starling::server {
namespace {

using test::RedisServer;

// A word of an inline command.
std::string inline_word(std::string_view text) {
    std::string word = "\"";
    for (const char c : text) {
        if (c == '\n')
            word += "\\n";
        else
            word.push_back(c);
    }
    return word + "\"";
}

// The text of the answer.
std::string append(const RedisServer& redis, int number, int first) {
    const std::string answer =
        redis.ask("EVAL " + inline_word(cluster::append_script()) + " 2 stream {stream}:sent:me " +
                  std::to_string(number) + " " + std::to_string(first) + " 100 uid me data " +
                  inline_word("entry " + std::to_string(number)));
    const size_t begin = answer.find('\n');
    return answer.substr(begin + 1, answer.find('\r', begin) - begin - 1);
}

TEST(AppendScript, TakesTheEntriesOfANodeOnceAndInTheirOrder) {
    RedisServer redis;
    const std::string one = append(redis, 1, 1);
    EXPECT_NE(one.find('-'), std::string::npos) << one;
    EXPECT_EQ(append(redis, 1, 1), one);  // Again: it is there.
    EXPECT_EQ(append(redis, 3, 1), "");   // Out of order.
    EXPECT_EQ(redis.ask("XLEN stream"), ":1\r\n");
    const std::string two = append(redis, 2, 1);
    EXPECT_EQ(append(redis, 1, 1),
              two);  // Of an old connection: what is answered is not before it.
    EXPECT_EQ(append(redis, 5, 5).find('-'), two.find('-'));  // 3 and 4 were refused for ever.
    EXPECT_EQ(append(redis, 7, 6), "");
    EXPECT_EQ(redis.ask("XLEN stream"), ":3\r\n");
    EXPECT_EQ(redis.ask("FLUSHALL"), "+OK\r\n");
    EXPECT_EQ(append(redis, 8, 7), "");
    EXPECT_NE(append(redis, 7, 7), "");
    EXPECT_NE(append(redis, 8, 7), "");
    EXPECT_EQ(redis.ask("XLEN stream"), ":2\r\n");
    EXPECT_NE(redis.ask("PTTL {stream}:sent:me").find(":3"), std::string::npos);
}

TEST(SessionScripts, TheKeysOfASessionAreInOneSlot) {
    using Keys = std::array<std::string, 2>;
    EXPECT_EQ(session_keys("sio:session:", "pid"),
              (Keys{"sio:session:pid", "{sio:session:pid}:owner"}));
    EXPECT_EQ(session_keys("{app}:socketio:12ab:session:/other", "pid"),
              (Keys{"{app}:socketio:12ab:session:/otherpid",
                    "{app}:socketio:12ab:session:/otherpid:owner"}));
}

}  // namespace
}  // namespace starling::server
