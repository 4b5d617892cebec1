// The client of Redis with Sentinels that answer by a script. The interop tests have real ones.
#include "tests/redis/client/player.h"

namespace starling::redis::client {
namespace {

// It does not know the master, and then breaks the protocol: the link ends before its next question.
TEST(RedisSentinel, OneThatIsBrokenDoesNotEndTheLinkToTheNext) {
    Player player;
    fake::Redis broken(player.loop), sentinel(player.loop), master(player.loop);
    const auto knows = [](const Words& words) {
        return words.size() > 1 && words[1] == "GET-MASTER-ADDR-BY-NAME";
    };
    broken.script = [&](const Words& words) -> Scripted {
        if (words[0] != "SENTINEL") return std::nullopt;
        return knows(words) ? "*-1\r\n?no reply\r\n" : "*0\r\n";
    };
    sentinel.script = [&](const Words& words) -> Scripted {
        if (words[0] != "SENTINEL") return std::nullopt;
        if (!knows(words)) return "*0\r\n";
        return "*2\r\n" + fake::Redis::bulk("127.0.0.1") +
               fake::Redis::bulk(std::to_string(master.port()));
    };
    master.script = [](const Words& words) -> Scripted {
        if (words[0] != "ROLE") return std::nullopt;
        return "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    };
    player.start("redis+sentinel://" + broken.address() + "," + sentinel.address() + "/m");
    ASSERT_TRUE(player.until_ready());
    EXPECT_EQ(broken.connections, 1u);
    EXPECT_EQ(sentinel.connections, 1u);
}

}  // namespace
}  // namespace starling::redis::client
