// Nodes over a model of Redis: what one does, the others do; questions; Redis away; hostile messages.
#include "cluster/node.h"

#include <gtest/gtest.h>

#include "tests/cluster/three.h"

namespace starling::cluster::test {
namespace {

TEST(Node, EmitsReachTheRoomsOfOtherNodes) {
    for (const auto& [name, options] : variants()) {
        SCOPED_TRACE(name);
        Three three(options);
        three.a().emit({}, "all");
        three.a().emit({"red"}, "red");
        three.a().emit({"red", "blue"}, "both");
        three.a().emit({"42"}, "number");
        three.a().emit({}, "not blue", {"blue"});
        three.a().emit({c1}, "one");
        three.a().emit({"nobody"}, "none");
        three.redis.run_for(10);
        EXPECT_EQ(
            three.heard(),
            R"(b1="all"|"red"|"both"|"not blue" b2="all"|"both" cccccccccccccccccccc="all"|"both"|"number"|"one" )");
    }
}

TEST(Node, JoinsLeavesAndDisconnectsReachOtherNodes) {
    for (const auto& [name, options] : variants()) {
        SCOPED_TRACE(name);
        Three three(options);
        three.a().change(Kind::join, {"blue"}, {"green", "red"});
        three.redis.run_for(10);
        three.a().emit({"green"}, "green");
        three.a().change(Kind::leave, {"green"}, {"blue"});
        three.redis.run_for(10);
        three.a().emit({"blue"}, "nobody is blue");
        three.a().change(Kind::disconnect, {"b1"}, {});
        three.redis.run_for(10);
        three.a().emit({"red"}, "last");
        three.redis.run_for(10);
        EXPECT_EQ(three.heard(), R"(b2="green"|"last" cccccccccccccccccccc="green"|"last" )");
        EXPECT_EQ(three.b().sockets.size(), 1u);
    }
}

TEST(Node, QuestionsGetTheAnswersOfAllNodes) {
    for (const auto& [name, options] : variants()) {
        SCOPED_TRACE(name);
        Three three(options);
        three.redis.delay_ms_max = 5;
        three.a().ask(Kind::fetch, {});
        three.redis.run_for(30);
        EXPECT_EQ(three.a().all_answers(), "b1|b2|cccccccccccccccccccc|complete");
        three.b().ask(Kind::fetch, {"red"});
        three.redis.run_for(30);
        EXPECT_EQ(three.b().all_answers(), "a1|complete");
        three.a().ask(Kind::ask, {"blue"}, 1000);
        three.redis.run_for(30);
        EXPECT_EQ(three.a().all_answers(), R"("ack of b2"|"ack of cccccccccccccccccccc"|complete)");
        three.c().ask(Kind::server_event, {});
        three.redis.run_for(30);
        EXPECT_EQ(three.c().all_answers(), R"("A"|"B"|complete)");
    }
}

TEST(Node, OneNodeAloneIsAnsweredAtOnce) {
    RedisModel redis;
    Process alone(redis, "A", {});
    alone.ask(Kind::fetch, {});
    redis.run_for(1);
    EXPECT_EQ(alone.all_answers(), "complete");
}

TEST(Node, AQuestionEndsWithWhatIsKnown) {
    Three three;
    three.c().frozen = true;
    three.a().ask(Kind::fetch, {});
    three.redis.run_for(4999);
    EXPECT_EQ(three.a().all_answers(), "b1|b2");
    three.redis.run_for(1);
    EXPECT_EQ(three.a().all_answers(), "b1|b2|incomplete, missing 1");
    three.c().frozen = false;
    three.c().acks_lost = 1;
    three.a().ask(Kind::ask, {"blue"}, 700);
    three.redis.run_for(699);
    EXPECT_EQ(three.a().all_answers(), R"("ack of b2")");
    three.redis.run_for(1);
    EXPECT_EQ(three.a().all_answers(), R"("ack of b2"|incomplete)");
    EXPECT_EQ(three.a().node->stats().incomplete, 2u);

    // Redis is lost while a question is open, and before one is asked.
    three.c().frozen = true;
    three.a().ask(Kind::fetch, {});
    three.redis.run_for(5);
    three.a().disconnect();
    EXPECT_EQ(three.a().all_answers(), "b1|b2|incomplete, missing 1");
    three.a().ask(Kind::fetch, {});
    EXPECT_EQ(three.a().all_answers(), "incomplete");
}

// A frozen node costs the first question its time-out, and the next ones a moment, until it is heard again.
TEST(Node, AnAbsentNodeIsNotWaitedForAgain) {
    for (const auto& [name, options] : variants()) {
        SCOPED_TRACE(name);
        Three three(options);
        const auto asked = [&](Kind kind, uint64_t ms) {
            three.a().ask(kind, {"blue"}, 1000);
            three.redis.run_for(ms - 1);
            const std::string before = three.a().all_answers();
            three.redis.run_for(1);
            return before + " then " + three.a().all_answers();
        };
        three.c().frozen = true;
        EXPECT_EQ(asked(Kind::fetch, 1000), "b2 then b2|incomplete, missing 1");
        EXPECT_EQ(asked(Kind::fetch, 100), "b2 then b2|incomplete, missing 1");
        EXPECT_EQ(asked(Kind::ask, 100), R"("ack of b2" then "ack of b2"|incomplete, missing 1)");
        EXPECT_EQ(asked(Kind::server_event, 100), R"("B" then "B"|incomplete, missing 1)");
        // An answer within the moment: all are there.
        three.c().frozen = false;
        EXPECT_EQ(asked(Kind::fetch, 50), "b2|" + c1 + "|complete then b2|" + c1 + "|complete");
        three.c().frozen = true;
        EXPECT_EQ(asked(Kind::fetch, 1000), "b2 then b2|incomplete, missing 1");
        EXPECT_EQ(asked(Kind::fetch, 100), "b2 then b2|incomplete, missing 1");
        // A late answer, as a node gives it that wakes up: the time-out holds again.
        three.c().late_answer("A-9", "A");
        three.redis.run_for(5);
        EXPECT_EQ(asked(Kind::fetch, 1000), "b2 then b2|incomplete, missing 1");
        // A second node that freezes has its own first time.
        three.b().frozen = true;
        EXPECT_EQ(asked(Kind::fetch, 1000), " then incomplete, missing 2");
        EXPECT_EQ(asked(Kind::fetch, 100), " then incomplete, missing 2");
    }
}

TEST(Node, RoomsAndSocketsOfOlderQuestions) {
    Three three;
    const auto request = [&](std::string body) {
        three.redis.publish({Sending::Way::publish, "socket.io-request#/#", std::move(body), {}});
        three.redis.run_for(5);
    };
    Process spy(three.redis, "spy", {});
    three.redis.watched = "socket.io-response#/#";
    request(R"({"uid":"n","requestId":"1","type":2,"sid":"b2","room":"red"})");
    EXPECT_TRUE(three.b().sockets["b2"].contains("red"));
    request(R"({"uid":"n","requestId":"1","type":3,"sid":"b2","room":"red"})");
    EXPECT_FALSE(three.b().sockets["b2"].contains("red"));
    request(R"({"uid":"n","requestId":"1","type":4,"sid":"b2"})");
    EXPECT_FALSE(three.b().sockets.contains("b2"));
    // B alone has answered the three changes. Each of the four nodes answers the two lists.
    EXPECT_EQ(three.redis.seen.size(), 3u);
    request(R"({"uid":"n","requestId":"2","type":1})");
    request(R"({"uid":"n","requestId":"3","type":0,"rooms":["red"]})");
    EXPECT_EQ(three.redis.seen.size(), 3u + 8);
    // Nobody has decoded the answers to others.
    EXPECT_EQ(spy.node->stats().strange_answers, 0u);
}

// A comes back first and has a thousand messages; the others come back a little later.
TEST(Node, WhatIsSentWhileRedisIsAwayComesOnceAndInOrder) {
    for (const auto& [name, options] : variants()) {
        for (uint64_t seed = 1; seed <= 5; ++seed) {
            SCOPED_TRACE(name + ", seed " + std::to_string(seed));
            Three three(options, seed);
            three.redis.delay_ms_max = 3;
            three.redis.run_for(2000);  // The nodes are counted.
            for (auto& one : three.all) one->disconnect();
            three.redis.here = false;
            for (int i = 0; i < 1000; ++i) {
                three.a().emit({"red"}, std::to_string(i));
                if (i % 100 == 0) three.redis.run_for(1 + three.redis.draw(20));
            }
            three.redis.here = true;
            for (auto& one : three.all)
                three.redis.at(
                    three.redis.now_ms + (one == three.all[0] ? 0 : three.redis.draw(500)),
                    [&one] { one->connect(); });
            three.redis.run_for(900);
            auto& texts = three.b().heard["b1"];
            ASSERT_EQ(texts.size(), 1000u);
            for (size_t i = 0; i < texts.size(); ++i)
                ASSERT_EQ(texts[i], "\"" + std::to_string(i) + "\"");
            EXPECT_EQ(three.a().node->stats().dropped, 0u);
        }
    }
}

// A frozen Redis: the connections are given up later, and this node may be back before the others.
TEST(Node, WhatIsSentWhileAnAnswerIsLateWaitsForTheOthers) {
    for (const bool answers : {true, false}) {
        Three three;
        three.redis.run_for(2000);
        three.a().late = true;
        three.a().emit({"red"}, "first");
        three.a().ask(Kind::fetch, {"red"});
        three.a().emit({"red"}, "second");
        three.redis.run_for(100);
        EXPECT_EQ(three.heard(), "");
        EXPECT_EQ(three.a().node->stats().waiting, 3u);
        if (answers) {
            three.a().late = false;
            // Another node has given its connection up, and Redis has not seen it yet.
            three.a().node->resume(three.redis.now_ms);
            three.redis.run_for(50);
            three.b().disconnect();
            three.redis.run_for(200);
            EXPECT_EQ(three.heard(), "");
            three.b().connect();
            three.redis.run_for(1000);  // The count that was late has no answer here.
            EXPECT_EQ(three.heard(), R"(b1="first"|"second" )");
            EXPECT_EQ(three.a().all_answers(), "b1|complete");
            continue;
        }
        for (auto& one : three.all) one->disconnect();
        EXPECT_EQ(three.a().all_answers(), "incomplete");
        EXPECT_EQ(three.a().node->stats().waiting, 2u);
        three.a().connect();
        three.redis.run_for(100);
        EXPECT_EQ(three.heard(), "");
        for (auto& one : three.all)
            if (!one->connected) one->connect();
        three.redis.run_for(100);
        EXPECT_EQ(three.heard(), R"(b1="first"|"second" )");
    }
}

// While this node waits for the others after an outage, its questions wait as well.
TEST(Node, AQuestionWaitsUntilTheOthersAreBack) {
    for (const auto& [name, options] : variants()) {
        SCOPED_TRACE(name);
        Three three(options);
        three.redis.run_for(2000);
        // The question before missed a node: the next one has a moment from when it is sent.
        three.c().frozen = true;
        three.a().ask(Kind::fetch, {}, 100);
        three.redis.run_for(101);
        three.c().frozen = false;
        for (auto& one : three.all) one->disconnect();
        three.a().connect();
        three.a().ask(Kind::fetch, {}, 900);
        three.redis.run_for(500);
        EXPECT_EQ(three.a().all_answers(), "");
        three.b().connect();
        three.c().connect();
        three.redis.run_for(100);
        EXPECT_EQ(three.a().all_answers(), "b1|b2|" + c1 + "|complete");

        for (auto& one : three.all) one->disconnect();
        three.a().connect();
        three.a().ask(Kind::fetch, {}, 300);
        three.redis.run_for(299);
        EXPECT_EQ(three.a().all_answers(), "");
        three.redis.run_for(1);
        EXPECT_EQ(three.a().all_answers(), "incomplete");
    }
}

TEST(Node, ANodeThatStaysAwayDoesNotHoldUpTheOthers) {
    Three three;
    three.redis.run_for(2000);
    EXPECT_EQ(three.a().node->stats().hearing, 3u);
    for (auto& one : three.all) one->disconnect();
    three.a().emit({"red"}, "late");
    three.a().connect();
    three.b().connect();
    three.redis.run_for(999);
    EXPECT_EQ(three.heard(), "");
    three.redis.run_for(2);
    EXPECT_EQ(three.heard(), R"(b1="late" )");
}

// The first node counted itself alone at its start. What it sends after an early outage waits for the
// others all the same.
TEST(Node, NodesThatStartTogetherAreCountedWithinMoments) {
    Three three;
    three.redis.run_for(300);
    EXPECT_EQ(three.a().node->stats().hearing, 3u);
}

// The others are counted at once, but hear a room on another shard a little later.
TEST(Node, AClusterOfRedisGivesTheOthersAMoment) {
    NodeOptions options;
    options.outbox.settle_ms_min = 300;
    Three three(options);
    three.redis.run_for(1000);
    three.a().disconnect();
    three.redis.run_for(10);
    three.a().emit({}, "waits");
    three.a().connect();
    three.redis.run_for(299);
    EXPECT_EQ(three.heard(), "");
    three.redis.run_for(25);
    EXPECT_EQ(three.heard(), R"(b1="waits" b2="waits" cccccccccccccccccccc="waits" )");
}

TEST(Node, OldMessagesAreDroppedWhenTooManyWait) {
    NodeOptions options;
    options.outbox.bytes_max = 20'000;
    Three three(options);
    three.a().disconnect();
    for (int i = 0; i < 1000; ++i) three.a().emit({"red"}, std::to_string(i));
    const auto stats = three.a().node->stats();
    EXPECT_EQ(stats.dropped + stats.waiting, 1000u);
    EXPECT_GT(stats.dropped, 800u);
    three.a().connect();
    three.redis.run_for(1001);
    EXPECT_EQ(three.b().heard["b1"].size(), stats.waiting);
    EXPECT_EQ(three.b().heard["b1"].back(), "\"999\"");
}

// Random operations with random delays: each socket hears what was sent to its rooms, once, and in the
// order of each sender. Messages of one sender to different rooms may go by different channels.
TEST(Node, RandomOperationsBySeeds) {
    for (const auto& [name, options] : variants()) {
        for (uint64_t seed = 1; seed <= 5; ++seed) {
            SCOPED_TRACE(name + ", seed " + std::to_string(seed));
            Three three(options, seed);
            three.redis.delay_ms_max = 20;
            std::map<std::string, std::multiset<std::string>> expected;
            for (int i = 0; i < 300; ++i) {
                auto& from = *three.all[three.redis.draw(3)];
                const std::string room =
                    std::array<std::string, 4>{"red", "blue", "42", c1}[three.redis.draw(4)];
                const std::string text = from.node->uid() + std::to_string(1000 + i);
                from.emit({room}, text);
                for (const auto& to : three.all)
                    for (const auto& [id, rooms] : to->sockets)
                        if (to.get() != &from && rooms.contains(room))
                            expected[id].insert("\"" + text + "\"");
                if (three.redis.draw(3) == 0) three.redis.run_for(three.redis.draw(10));
            }
            three.redis.run_for(100);
            for (const auto& one : three.all) {
                for (const auto& [id, texts] : one->heard) {
                    EXPECT_EQ(std::multiset<std::string>(texts.begin(), texts.end()), expected[id]);
                    for (const char sender : {'A', 'B', 'C'}) {
                        std::vector<std::string> own;
                        std::ranges::copy_if(texts, std::back_inserter(own),
                                             [&](const auto& text) { return text[1] == sender; });
                        EXPECT_TRUE(std::ranges::is_sorted(own));
                    }
                }
            }
        }
    }
}

TEST(Node, RoomChannelsFollowTheRooms) {
    struct Row {
        size_t variant;
        std::string names;  // Behind those that a node has always.
    };
    const auto all = variants();
    for (const auto& [variant, names] :
         {Row{0, ""}, Row{1, "socket.io#/#a1#|socket.io#/#red#"}, Row{3, ""},
          Row{4, "socket.io#/#red#"}, Row{5, "socket.io#/#a1#|socket.io#/#red#"}}) {
        SCOPED_TRACE(all[variant].name);
        RedisModel redis;
        Process one(redis, "A", all[variant].options);
        const auto before = one.names;
        one.join("a1", "red");
        one.node->room_opened("/", "red", false);  // By a second worker.
        std::vector<std::string> added;
        for (const auto& name : one.names)
            if (!before.contains(name)) added.push_back(name.name);
        EXPECT_EQ(joined(added), names);
        one.leave("a1", "red");
        one.node->room_closed("/", "red");
        one.node->room_closed("/", "a1");
        EXPECT_EQ(one.names, before);
        one.node->close("/");
        EXPECT_TRUE(one.names.empty());
    }
}

TEST(Node, WhatHasNoMeaningIsCountedAndSaidOnceASecond) {
    Three three;
    Process& b = three.b();
    const std::string pattern = ClassicNames("socket.io", "/").pattern();
    const auto request = [&](std::string_view body) {
        b.receive({Medium::channel, "socket.io-request#/#", "socket.io-request#/#", body});
    };
    for (int i = 0; i < 100; ++i) request("{not json");
    request(R"({"type":77})");
    request(std::string(65u << 20, 'x'));
    b.receive({Medium::pattern, pattern, "socket.io#/#", "\x93\x01\x02\x03"});
    b.receive({Medium::pattern, pattern, "socket.io#/#no such room#", "ignored unread"});
    b.receive({Medium::channel, "nobody heard of it", "nobody heard of it", ""});
    Message other;
    other.kind = Kind::emit;
    other.uid = "x";
    other.nsp = "/other";
    other.data = boost::json::array{"said", "x"};
    std::string body;
    ASSERT_TRUE(write_classic(other, body));
    b.receive({Medium::pattern, pattern, "socket.io#/#", body});
    // This node's own uid: a node that claims it is not heard.
    other.uid = "B";
    other.nsp = "/";
    ASSERT_TRUE(write_classic(other, body));
    b.receive({Medium::pattern, pattern, "socket.io#/#", body});
    const auto stats = b.node->stats();
    EXPECT_EQ(stats.malformed, 101u);
    EXPECT_EQ(stats.unknown_type, 1u);
    EXPECT_EQ(stats.too_large, 1u);
    EXPECT_EQ(stats.wrong_namespace, 1u);
    EXPECT_EQ(stats.impostors, 1u);
    EXPECT_EQ(stats.received, 0u);
    EXPECT_EQ(three.heard(), "");
    EXPECT_EQ(joined(b.warnings), "a message that is malformed 1");
    three.redis.run_for(1000);
    request("[]");
    EXPECT_EQ(joined(b.warnings), "a message that is malformed 1|a message that is malformed 105");
}

}  // namespace
}  // namespace starling::cluster::test
