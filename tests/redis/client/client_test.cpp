// What the client of Redis does about each error, and what happens to the order of commands.
#include "tests/redis/client/player.h"

namespace starling::redis::client {
namespace {

TEST(RedisClient, ASlotMovesAndTheOrderHolds) {
    for (const bool by_shard : {false, true}) {
        Player player;
        Two two(player);
        int executed = 0;
        Two::before(two.first, [&](const Words& words) -> Scripted {
            if (!is_data(words) || ++executed <= 100) return std::nullopt;
            two.moved = true;
            return "-MOVED " + std::to_string(slot_of_c) + " " + two.second.address() + "\r\n";
        });
        player.start(two.url());
        ASSERT_TRUE(player.until_ready());
        player.send_many(300, by_shard);
        ASSERT_TRUE(player.until([&] { return player.answers.size() == 300; }));
        std::vector<int> all = numbers(two.first.done);
        EXPECT_EQ(all.size(), 100u);
        std::ranges::copy(numbers(two.second.done), std::back_inserter(all));
        EXPECT_EQ(all, counted(300));
        for (const auto& answer : player.answers) EXPECT_EQ(answer.find('!'), std::string::npos);
        EXPECT_GT(player.client->stats().bounced, 0u);
    }
}

// The slot is on its way to a node that owns none: each command goes there behind ASKING.
TEST(RedisClient, AsksTheNodeThatASlotMovesTo) {
    Player player;
    Two two(player);
    fake::Redis third(player.loop);
    Two::before(two.first, [&](const Words& words) -> Scripted {
        if (!is_data(words)) return std::nullopt;
        return "-ASK " + std::to_string(slot_of_c) + " " + third.address() + "\r\n";
    });
    player.start(two.url());
    ASSERT_TRUE(player.until_ready());
    player.send_many(40, false);
    ASSERT_TRUE(player.until([&] { return player.answers.size() == 40; }));
    EXPECT_EQ(numbers(third.done), counted(40));
    for (size_t i = 0; i < third.done.size(); ++i)
        EXPECT_EQ(third.done[i] == "ASKING", i % 2 == 0) << third.done[i];
    EXPECT_TRUE(player.client->is_ready());
    EXPECT_TRUE(player.down.empty());
}

// Errors of a server that has not executed the command and will do so later.
// It does not wait for the next look at the slots, which is half a minute away.
TEST(RedisClient, WhatWaitsForASlotWithoutAnOwnerGoesToTheNextOwner) {
    Player player;
    Two two(player);
    bool is_owned = false;
    for (fake::Redis* const redis : {&two.first, &two.second})
        Two::before(*redis, [&](const Words& words) -> Scripted {
            if (words[0] != "CLUSTER" || is_owned) return std::nullopt;
            const std::string one = std::to_string(slot_of_c == 0 ? 1 : 0);
            return "*1\r\n*3\r\n:" + one + "\r\n:" + one + "\r\n*2\r\n" +
                   fake::Redis::bulk("127.0.0.1") + ":" + std::to_string(two.first.port()) + "\r\n";
        });
    player.start(two.url());
    ASSERT_TRUE(player.until_ready());
    player.send("1");
    player.send("2");
    ASSERT_TRUE(player.until([&] { return player.client->stats().waiting == 2; }));
    is_owned = true;
    ASSERT_TRUE(player.until([&] { return player.answers.size() == 2; }));
    EXPECT_EQ(player.answers, (std::vector<std::string>{"1", "2"}));
}

TEST(RedisClient, RefusedForTheMomentIsSentAgainInOrder) {
    for (const std::string error :
         {"LOADING Redis is loading the dataset in memory", "BUSY Redis is busy running a script",
          "MASTERDOWN Link with MASTER is down", "TRYAGAIN Multiple keys",
          "CLUSTERDOWN Hash slot"}) {
        for (const bool cluster : {false, true}) {
            SCOPED_TRACE(error);
            Player player;
            Two two(player);
            int seen = 0;
            Two::before(two.first, [&](const Words& words) -> Scripted {
                if (!is_data(words) || ++seen > 20) return std::nullopt;
                return "-" + error + "\r\n";
            });
            player.start(cluster ? two.url() : "redis://" + two.first.address());
            ASSERT_TRUE(player.until_ready());
            player.send_many(50, false, 16);
            ASSERT_TRUE(player.until([&] { return player.answers.size() == 50; }));
            EXPECT_EQ(numbers(two.first.done), counted(50));
            EXPECT_EQ(player.bounced.size(), 20u);
            EXPECT_EQ(player.bounced.front(), error);
            EXPECT_TRUE(player.down.empty());
        }
    }
}

// Errors that say what is wrong: the code that sent the command gets them, and nothing else happens.
// The scheme of the URL is wrong, and nothing else would say so.
TEST(RedisClient, AServerAloneIsNoCluster) {
    Player player;
    fake::Redis redis(player.loop);
    redis.script = [](const Words& words) -> Scripted {
        if (words[0] != "CLUSTER") return std::nullopt;
        return "-ERR This instance has cluster support disabled\r\n";
    };
    player.start("redis+cluster://" + redis.address());
    ASSERT_TRUE(player.until([&] { return !player.down.empty(); }));
    EXPECT_EQ(player.down.front(),
              "the server is no node of a Redis Cluster: use redis:// or rediss:// (final)");
    EXPECT_EQ(player.ready, 0);
}

TEST(RedisClient, ANodeOfAClusterIsNoServerAlone) {
    Player player;
    fake::Redis redis(player.loop);
    redis.script = [](const Words& words) -> Scripted {
        if (is_data(words)) return "-MOVED 7365 127.0.0.1:7001\r\n";
        return std::nullopt;
    };
    player.start(redis);
    player.send("1");
    ASSERT_TRUE(player.until([&] { return !player.answers.empty(); }));
    EXPECT_EQ(player.answers.front(), "1 ! MOVED 7365 127.0.0.1:7001");
    ASSERT_FALSE(player.down.empty());
    EXPECT_EQ(player.down.front(),
              "the server is a node of a Redis Cluster: use redis+cluster:// or rediss+cluster://");
}

TEST(RedisClient, OtherErrorsAreToldAndCostNoConnection) {
    for (const std::string error :
         {"OOM command not allowed when used memory > 'maxmemory'.", "MISCONF Redis is configured",
          "NOREPLICAS Not enough good replicas to write.", "NOPERM this user has no permissions"}) {
        Player player;
        fake::Redis redis(player.loop);
        redis.script = [&](const Words& words) -> Scripted {
            if (!is_data(words)) return std::nullopt;
            return "-" + error + "\r\n";
        };
        player.start(redis);
        player.send("x");
        ASSERT_TRUE(player.until([&] { return !player.answers.empty(); }));
        EXPECT_EQ(player.answers.front(), "x ! " + error);
        EXPECT_EQ(redis.connections, 1u);
        EXPECT_TRUE(player.down.empty());
    }
}

TEST(RedisClient, AReplicaIsLeftWithoutAStormAndLosesNothing) {
    Player player;
    fake::Redis redis(player.loop);
    bool replica = true;
    redis.script = [&](const Words& words) -> Scripted {
        if (!is_data(words) || !replica) return std::nullopt;
        return "-READONLY You can't write against a read only replica.\r\n";
    };
    player.start("redis://" + redis.address(), [](ClientOptions& options) {
        options.reconnect_ms_min = 10;
        options.reconnect_ms_max = 1000;
    });
    ASSERT_TRUE(player.until_ready());
    player.send_many(50, false);
    ASSERT_TRUE(player.until([&] { return player.down.size() >= 3; }));
    // The pauses grow, although each connection opens well.
    const uint64_t begin_ms = player.loop.now_ms();
    ASSERT_TRUE(player.until([&] { return player.down.size() >= 5; }));
    EXPECT_GE(player.loop.now_ms() - begin_ms, 10u * 4 / 2);
    EXPECT_LE(redis.connections, 6u);
    replica = false;
    ASSERT_TRUE(player.until([&] { return player.answers.size() == 50; }));
    EXPECT_EQ(numbers(redis.done), counted(50));
    for (const auto& answer : player.answers) EXPECT_EQ(answer.find('!'), std::string::npos);
}

TEST(RedisClient, AServerWithoutResp3GetsASecondConnection) {
    Player player;
    fake::Redis redis(player.loop);
    redis.resp2 = true;
    player.start(redis);
    player.client->subscribe(Topic::channel, "news");
    ASSERT_TRUE(player.until_ready());
    EXPECT_EQ(redis.connections, 2u);
    redis.push("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
    ASSERT_TRUE(player.until([&] { return !player.heard.empty(); }));
    EXPECT_EQ(player.heard.front(), "news hi");
    player.send("x");
    ASSERT_TRUE(player.until([&] { return !player.answers.empty(); }));
    // One of the two is lost: both are opened again.
    redis.cut();
    ASSERT_TRUE(player.until([&] { return player.ready == 2; }));
    EXPECT_EQ(redis.connections, 4u);
}

TEST(RedisClient, ALostSubscriptionFollowsItsSlot) {
    Player player;
    Two two(player);
    player.start(two.url());
    player.client->subscribe(Topic::shard, "c");
    ASSERT_TRUE(player.until_ready());
    EXPECT_EQ(two.first.done, std::vector<std::string>{"SSUBSCRIBE c"});
    two.moved = true;
    two.first.push(">3\r\n$12\r\nsunsubscribe\r\n$1\r\nc\r\n:0\r\n");
    ASSERT_TRUE(player.until([&] { return !two.second.done.empty(); }));
    EXPECT_EQ(two.second.done, std::vector<std::string>{"SSUBSCRIBE c"});
    two.second.push(">3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
    ASSERT_TRUE(player.until([&] { return !player.heard.empty(); }));
    EXPECT_EQ(player.heard.front(), "c hi");
}

// Nothing is published by the new home before it has confirmed the subscriptions.
TEST(RedisClient, ANewHomeHasTheSubscriptionsFirst) {
    Player player;
    Two two(player);
    bool holds = true, asked = false;
    player.start("redis+cluster://" + two.first.address() + "," + two.second.address());
    player.client->subscribe(Topic::channel, "news");
    ASSERT_TRUE(player.until([&] {
        return player.ready > 0 && two.first.done.size() + two.second.done.size() == 1;
    })) << testing::PrintToString(two.first.done)
        << testing::PrintToString(two.second.done) << player.ready;
    fake::Redis& home = two.first.done.empty() ? two.second : two.first;
    fake::Redis& other = two.first.done.empty() ? two.first : two.second;
    // The other one owns all slots from now on.
    other.script = [&](const Words& words) -> Scripted {
        if (words[0] == "CLUSTER") return fake::Redis::slots(other, other);
        if (words[0] != "SUBSCRIBE" || !holds) return std::nullopt;
        asked = true;
        return "";
    };
    home.end();
    ASSERT_TRUE(player.until([&] { return !player.down.empty(); }));
    // Not earlier: the client may have been ready again when it had read the slots.
    const int before = player.ready;
    player.client->publish("news", "later");
    ASSERT_TRUE(player.until([&] { return asked; }));
    fake::run_ticks(player.loop, 20);
    EXPECT_TRUE(other.done.empty());
    EXPECT_EQ(player.ready, before);
    holds = false;
    other.push(">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    ASSERT_TRUE(player.until([&] { return player.ready > before && !other.done.empty(); }));
    EXPECT_EQ(other.done, std::vector<std::string>{"PUBLISH news later"});
}

TEST(RedisClient, ARefusedSubscriptionIsTriedAgain) {
    Player player;
    fake::Redis redis(player.loop);
    bool allowed = false;
    redis.script = [&](const Words& words) -> Scripted {
        if (words[0] != "SUBSCRIBE" || allowed) return std::nullopt;
        return "-NOPERM this user has no permissions to access one of the channels\r\n";
    };
    player.start(redis);
    player.client->subscribe(Topic::channel, "news");
    ASSERT_TRUE(player.until([&] { return player.refused.size() >= 3; }));
    EXPECT_TRUE(player.client->is_deaf());
    const int before = player.ready;
    allowed = true;
    ASSERT_TRUE(player.until([&] { return player.ready > before; }));
    EXPECT_FALSE(player.client->is_deaf());
    EXPECT_EQ(redis.connections, 1u);
    EXPECT_TRUE(player.down.empty());
}

TEST(RedisClient, APasswordThatIsChangedWhileRunning) {
    Player player;
    fake::Redis redis(player.loop);
    bool wrong = false;
    redis.script = [&](const Words& words) -> Scripted {
        if (words[0] != "HELLO" || !wrong) return std::nullopt;
        return "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    };
    player.start(redis);
    ASSERT_TRUE(player.until_ready());
    wrong = true;
    redis.cut();
    ASSERT_TRUE(player.until([&] { return !player.down.empty(); }));
    player.send("x");
    ASSERT_TRUE(player.until([&] { return player.down.size() >= 4; }));
    EXPECT_TRUE(player.down.back().ends_with("(final)")) << player.down.back();
    wrong = false;
    ASSERT_TRUE(player.until([&] { return !player.answers.empty(); }));
    EXPECT_EQ(player.answers.front(), "x");
}

}  // namespace
}  // namespace starling::redis::client
