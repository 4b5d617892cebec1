// What the client of Redis does about answers that are late, cut off or do not come.
#include "tests/redis/client/player.h"

namespace starling::redis::client {
namespace {

// What a server has refused until its time is up is not executed when the server is able to.
TEST(RedisClient, WhatIsRefusedForTooLongIsWithdrawn) {
    for (const std::string error : {"BUSY Redis is busy running a script", "CLUSTERDOWN Hash slot",
                                    "READONLY You can't write against a read only replica."}) {
        for (const bool cluster : {false, true}) {
            SCOPED_TRACE(error);
            Player player;
            Two two(player);
            bool refuses = true;
            for (fake::Redis* const redis : {&two.first, &two.second})
                Two::before(*redis, [&](const Words& words) -> Scripted {
                    if (!is_data(words) || !refuses) return std::nullopt;
                    return "-" + error + "\r\n";
                });
            player.start(cluster ? two.url() : "redis://" + two.first.address());
            ASSERT_TRUE(player.until_ready());
            player.until_ms = player.loop.now_ms() + 40;
            player.send("1");
            player.send("2");
            player.until_ms = 0;
            player.send("3");
            ASSERT_TRUE(player.until([&] { return player.answers.size() == 2; }));
            std::ranges::sort(player.answers);  // The first one may have been under way.
            EXPECT_EQ(player.answers,
                      (std::vector<std::string>{"1 ! " + std::string(Client::withdrawn),
                                                "2 ! " + std::string(Client::withdrawn)}));
            refuses = false;
            ASSERT_TRUE(player.until([&] { return player.answers.size() == 3; }));
            EXPECT_EQ(player.answers.back(), "3");
            std::vector<int> all = numbers(two.first.done);
            std::ranges::copy(numbers(two.second.done), std::back_inserter(all));
            EXPECT_EQ(all, std::vector<int>{3});
            EXPECT_EQ(player.client->stats().waiting, 0u);
        }
    }
}

// While the server is away, too; but not while the server may be executing it.
TEST(RedisClient, WhatWaitsIsWithdrawnAndWhatIsUnderWayIsNot) {
    Player player;
    fake::Redis redis(player.loop);
    bool is_away = false;
    redis.script = [&](const Words& words) -> Scripted {
        if (words[0] == "HELLO" && is_away) return "-LOADING not yet\r\n";
        return is_data(words) && words[2] == "1" ? Scripted("") : std::nullopt;
    };
    player.start(redis);
    ASSERT_TRUE(player.until_ready());
    player.until_ms = player.loop.now_ms() + 10;
    player.send("1");
    bool later = false;
    player.loop.after(300, [&] { later = true; });
    ASSERT_TRUE(player.until([&] { return later; }));
    EXPECT_TRUE(player.answers.empty());
    is_away = true;
    redis.cut();
    ASSERT_TRUE(player.until([&] { return player.answers.size() == 1; }));
    EXPECT_NE(player.answers[0].find("closed the connection"), std::string::npos);
    player.until_ms = player.loop.now_ms() + 10;
    player.send("2");
    ASSERT_TRUE(player.until([&] { return player.answers.size() == 2; }));
    EXPECT_EQ(player.answers[1], "2 ! " + std::string(Client::withdrawn));
    EXPECT_TRUE(redis.done.empty());
}

// A server that is frozen takes bytes and says nothing. What is under way then is lost with the
// connection: as little as possible is.
TEST(RedisClient, NothingMoreIsSentWhileAnAnswerIsLate) {
    for (const bool answers : {false, true}) {
        Player player;
        fake::Redis redis(player.loop);
        bool frozen = true;
        redis.script = [&](const Words& words) -> Scripted {
            return is_data(words) && frozen ? Scripted("") : std::nullopt;
        };
        player.start("redis://" + redis.address(),
                     [](ClientOptions& options) { options.late_answer_ms = 20; });
        player.client->subscribe(Topic::channel, "news");
        ASSERT_TRUE(player.until_ready());
        player.send("0");
        bool later = false;
        player.loop.after(50, [&] { later = true; });
        ASSERT_TRUE(player.until([&] { return later; }));
        player.send("1");
        player.send("2");
        EXPECT_EQ(player.client->stats().waiting, 2u);
        frozen = false;
        if (answers)
            redis.push("+OK\r\n");
        else
            redis.cut();
        ASSERT_TRUE(player.until([&] { return player.answers.size() == 3; }));
        EXPECT_EQ(player.answers[0].find("closed the connection") == std::string::npos, answers);
        EXPECT_EQ(numbers(redis.done), (std::vector<int>{1, 2}));
    }
}

TEST(RedisClient, ACutAnswerAndOneThatNeverComes) {
    Player player;
    fake::Redis redis(player.loop);
    redis.script = [&](const Words& words) -> Scripted {
        if (!is_data(words)) return std::nullopt;
        if (words[2] == "half") return "$100\r\nabc";
        if (words[2] == "silence") return "";
        return std::nullopt;
    };
    player.start("redis://" + redis.address(), [](ClientOptions& options) {
        options.reply_timeout_ms = 3000;
        options.ping_interval_ms = 3000;
    });
    ASSERT_TRUE(player.until_ready());
    player.send("half");
    player.send("behind");
    ASSERT_TRUE(player.until([&] { return redis.done.size() == 1; }));
    redis.cut();
    ASSERT_TRUE(player.until([&] { return player.answers.size() == 2; }));
    // The server may have executed both: neither is sent again.
    for (const auto& answer : player.answers)
        EXPECT_NE(answer.find("closed the connection"), std::string::npos) << answer;
    player.send("silence");
    ASSERT_TRUE(player.until([&] { return player.answers.size() == 3; }));
    EXPECT_NE(player.answers[2].find("no answer within 3000 ms"), std::string::npos);
    player.send("next");
    ASSERT_TRUE(player.until([&] { return player.answers.size() == 4; }));
    EXPECT_EQ(player.answers[3], "next");
    EXPECT_EQ(redis.done, (std::vector<std::string>{"XADD c behind", "XADD c next"}));
}

}  // namespace
}  // namespace starling::redis::client
