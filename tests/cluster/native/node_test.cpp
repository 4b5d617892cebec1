// One situation in each test, with two or three nodes whose messages the test carries.
#include "tests/cluster/native/net.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace starling::cluster::native {
namespace {

struct NativeNode : testing::Test {
    Net net;
    Host& a = net.add(0xA);
    Host& b = net.add(0xB);
    Host& c = net.add(0xC);
    void SetUp() override {
        b.node.joined("news");
        net.run(100);
    }
};

TEST_F(NativeNode, PublishesToTheHolderAlone) {
    EXPECT_EQ(a.publish("news", "one"), 1u);
    EXPECT_EQ(a.publish("none", "two"), 0u);
    net.run(20);
    EXPECT_EQ(b.take(), "0a:news,=one ");
    EXPECT_EQ(c.take(), "");
    EXPECT_EQ(a.node.stats().copies, 1u);
    b.node.left("news");
    net.run(50);
    EXPECT_EQ(a.publish("news", "three"), 0u);
}

// At its end a node waits for those that are there, not for one that is silent.
TEST_F(NativeNode, KnowsWhetherTheNodesThatAreThereHaveConfirmed) {
    net.run(200);
    EXPECT_FALSE(a.node.has_unconfirmed());
    a.publish("news", "one");
    EXPECT_TRUE(a.node.has_unconfirmed());
    net.run(200);
    EXPECT_FALSE(a.node.has_unconfirmed());
    b.is_cut = true;
    a.publish("news", "two");
    net.run(200);
    EXPECT_TRUE(a.node.has_unconfirmed());
    net.run(1000);
    EXPECT_FALSE(a.node.has_unconfirmed());
    EXPECT_GT(a.node.queued_bytes(), 0u);
}

TEST_F(NativeNode, APublicationToTwoRoomsArrivesOnce) {
    b.node.joined("sport");
    c.node.joined("sport");
    net.run(50);
    const std::string_view rooms[] = {"news", "sport"};
    EXPECT_EQ(a.node.publish({.rooms = rooms, .nodes = {}}, "x"), 2u);
    net.run(20);
    EXPECT_EQ(b.take(), "0a:news,sport,=x ");
    EXPECT_EQ(c.take(), "0a:news,sport,=x ");
}

TEST_F(NativeNode, NamesNodesAndReachesEveryone) {
    const NodeId nodes[] = {0xC};
    const std::string_view rooms[] = {"socket-1"};
    EXPECT_EQ(a.node.publish({.rooms = rooms, .nodes = nodes}, "direct"), 1u);
    EXPECT_EQ(a.node.publish({.rooms = {}, .nodes = {}, .everyone = true}, "all"), 2u);
    net.run(20);
    EXPECT_EQ(b.take(), "0a:=all ");
    EXPECT_EQ(c.take(), "0a:socket-1,=direct 0a:=all ");
}

TEST_F(NativeNode, ATickIsOneMessageToANode) {
    net.run(200);
    const uint64_t before = a.node.stats().batches;
    for (int i = 0; i < 100; ++i) static_cast<void>(a.publish("news", "x"));
    net.run(10);
    EXPECT_EQ(a.node.stats().batches, before + 1);
    EXPECT_EQ(b.node.stats().delivered, 100u);
}

TEST(NativeFences, TooManyAreRefusedUntilTheyPass) {
    Net net;
    Host& one = net.add(1, {.fences_max = 3});
    one.node.link(false, net.now);
    std::vector<uint64_t> tickets;
    for (int i = 0; i < 5; ++i) {
        one.node.joined("room");
        tickets.push_back(one.node.fence());
        one.node.left("room");
    }
    EXPECT_EQ(tickets, (std::vector<uint64_t>{1, 2, 3, 0, 0}));
    one.node.link(true, net.now);
    net.run(200);
    EXPECT_EQ(one.take(), "fence 0 fence 0 fence 0 ");
    EXPECT_EQ(one.node.fence(), 4u);
}

TEST_F(NativeNode, AFencePassesWhenEveryoneKnowsTheRoom) {
    c.node.joined("late");
    static_cast<void>(c.node.fence());
    EXPECT_EQ(a.publish("late", "before"), 0u);
    net.run(40);
    EXPECT_EQ(c.take(), "fence 0 ");
    EXPECT_EQ(a.publish("late", "after"), 1u);
    EXPECT_EQ(b.publish("late", "after"), 1u);
    net.run(20);
    EXPECT_EQ(c.take(), "0a:late,=after 0b:late,=after ");
    // Nothing changed since: nobody has to be asked.
    static_cast<void>(c.node.fence());
    net.run(10);
    EXPECT_EQ(c.take(), "fence 0 ");
}

TEST_F(NativeNode, AFenceWaitsForTheLastNodeAndNamesTheMissing) {
    a.is_cut = true;
    c.node.joined("late");
    static_cast<void>(c.node.fence());
    net.run(300);
    EXPECT_EQ(c.take(), "");
    net.run(700);
    EXPECT_EQ(c.take(), "fence 1 ");
}

TEST_F(NativeNode, WhoMissedAGossipSendsEverythingUntilItKnows) {
    net.lose(WireKind::gossip);
    c.node.joined("late");
    net.run(10);
    EXPECT_EQ(a.publish("late", "lost"), 0u);  // No fence was passed: nothing is promised.
    net.run(260);                              // The next beat shows the new version.
    EXPECT_EQ(a.publish("late", "flooded"), 1u);
    EXPECT_EQ(a.publish("other", "flooded"), 1u);
    net.run(20);
    EXPECT_EQ(c.take(), "0a:late,=flooded ");
    EXPECT_EQ(c.node.stats().unwanted, 1u);
    net.lose(WireKind::gossip, false);
    net.run(1'000);
    EXPECT_EQ(a.publish("other", "known"), 0u);
    EXPECT_EQ(a.publish("late", "known"), 1u);
}

TEST_F(NativeNode, ASilentNodeIsAwayWithinASecondAndComesBackWithoutLoss) {
    b.is_cut = true;
    EXPECT_EQ(a.publish("news", "1"), 1u);
    net.run(1'000);
    EXPECT_EQ(a.nodes, "0b here 0c here 0b away ");
    EXPECT_EQ(c.nodes, "0a here 0b here 0b away ");
    for (int i = 2; i <= 5; ++i) {
        EXPECT_EQ(a.publish("news", std::to_string(i)), 1u);
        net.run(100);
    }
    b.is_cut = false;
    net.run(400);
    EXPECT_EQ(a.nodes, "0b here 0c here 0b away 0b back ");
    EXPECT_EQ(b.take(), "0a:news,=1 0a:news,=2 0a:news,=3 0a:news,=4 0a:news,=5 ");
}

TEST_F(NativeNode, WhoHearsNothingAtAllBlamesNobody) {
    a.is_cut = true;
    net.run(5'000);
    EXPECT_EQ(a.nodes, "0b here 0c here ");
    a.is_cut = false;
    net.run(1'000);
    EXPECT_EQ(a.nodes, "0b here 0c here ");
    EXPECT_EQ(b.nodes, "0a here 0c here 0a away 0a back ");
}

TEST_F(NativeNode, WaitsForRedisInABoundedQueue) {
    a.node.link(false, net.now);
    for (int i = 1; i <= 3; ++i) {
        static_cast<void>(a.publish("news", std::to_string(i)));
        net.run(10);
    }
    EXPECT_EQ(b.take(), "");
    EXPECT_GT(a.node.queued_bytes(), 0u);
    a.node.link(true, net.now);
    net.run(20);
    EXPECT_EQ(b.take(), "0a:news,=1 0a:news,=2 0a:news,=3 ");
    net.run(200);
    EXPECT_EQ(a.node.queued_bytes(), 0u);
}

TEST(NativeNodeLimits, WhatAFullQueueDropsIsToldAsAGap) {
    Net net;
    Host& a = net.add(0xA, {.batch_bytes_max = 200, .node_queue_bytes_max = 1'000});
    Host& b = net.add(0xB);
    b.node.joined("news");
    net.run(100);
    a.node.link(false, net.now);
    for (int i = 0; i < 40; ++i) static_cast<void>(a.publish("news", std::string(100, 'x')));
    const uint64_t dropped = a.node.stats().dropped;
    EXPECT_GT(dropped, 0u);
    EXPECT_LE(a.node.queued_bytes(), 1'300u);
    a.node.link(true, net.now);
    net.run(50);
    EXPECT_TRUE(b.take().starts_with("gap 0a " + std::to_string(dropped) + " 0a:news,=xxx"));
    EXPECT_EQ(b.node.stats().lost, dropped);
    EXPECT_EQ(b.node.stats().delivered + dropped, 40u);
}

TEST_F(NativeNode, QuestionsGoToHoldersAndEnd) {
    c.node.joined("news");
    net.run(50);
    ASSERT_TRUE(a.ask("news", "who"));
    net.run(30);
    EXPECT_EQ(a.take(), "!0byes !0cyes done 2 missing 0 ");
    EXPECT_EQ(b.take(), "?who ");
    ASSERT_TRUE(a.ask("none", "who"));
    net.run(10);
    EXPECT_EQ(a.take(), "done 0 missing 0 ");
}

TEST_F(NativeNode, QuestionsDoNotWaitForNodesThatAreAway) {
    c.node.joined("news");
    net.run(50);
    b.is_cut = true;
    ASSERT_TRUE(a.ask("news", "1"));
    net.run(1'000);
    EXPECT_EQ(a.take(), "!0cyes done 1 missing 1 ");
    ASSERT_TRUE(a.ask("news", "2"));
    net.run(30);
    EXPECT_EQ(a.take(), "!0cyes done 1 missing 1 ");
}

TEST_F(NativeNode, AnAnswerThatNeverComesEndsWithTheTime) {
    b.answers = false;
    const auto id = a.ask("news", "1");
    ASSERT_TRUE(id);
    net.run(4'900);
    EXPECT_EQ(a.take(), "");
    net.run(200);
    EXPECT_EQ(a.take(), "done 0 missing 1 ");
    b.node.answer(0xA, *id, "late", true);
    b.node.answer(0xA, 77, "never asked", true);
    net.run(20);
    EXPECT_EQ(a.take(), "");
    EXPECT_EQ(a.node.stats().late_answers, 2u);
}

TEST_F(NativeNode, CountsAreKnownWithTheirAge) {
    b.node.joined("news");
    a.node.joined("news");
    net.run(50);
    const Count first = a.node.count("news", net.now);
    EXPECT_FALSE(first.known);
    EXPECT_EQ(first.members, 1u);
    net.run(30);
    EXPECT_EQ(a.take(), "count 3 missing 0 ");
    net.run(500);
    const Count second = a.node.count("news", net.now);
    EXPECT_TRUE(second.known);
    EXPECT_EQ(second.members, 3u);
    EXPECT_GE(second.age_ms, 500u);
    EXPECT_LT(second.age_ms, 600u);
    EXPECT_EQ(a.take(), "");
}

TEST_F(NativeNode, HoldersAreKnownWithTheirAge) {
    const Holders holders = a.node.holders("news", net.now);
    EXPECT_EQ(holders.nodes, (std::vector<NodeId>{0xB}));
    EXPECT_EQ(holders.uncertain, 0u);
    EXPECT_LE(holders.age_ms, 250u);
    b.is_cut = true;
    net.run(1'000);
    EXPECT_EQ(a.node.holders("news", net.now).away, (std::vector<NodeId>{0xB}));
}

TEST_F(NativeNode, AGoodByeIsNoSilence) {
    static_cast<void>(b.publish("none", "x"));
    c.node.joined("last");
    net.run(50);
    static_cast<void>(b.publish("last", "words"));
    b.node.leave(net.now);
    net.end(b);
    net.run(20);
    EXPECT_EQ(c.take(), "0b:last,=words ");
    EXPECT_EQ(a.publish("news", "x"), 0u);
    net.run(1'100);
    EXPECT_EQ(a.nodes, "0b here 0c here 0b leaves 0b gone ");
    EXPECT_EQ(a.node.stats().forgotten, 0u);
}

// A copy of a running machine has its id until one of the two starts again. Its good-bye is not that of
// the other, which goes on.
TEST_F(NativeNode, AGoodByeOfACopyEndsNotTheOriginal) {
    a.nodes.clear();
    std::string bytes;
    write_bye(b.id, bytes);
    for (Host* const host : {&a, &c}) host->node.received(bytes, net.now);
    EXPECT_EQ(a.nodes, "0b leaves ");
    net.run(5'000);
    EXPECT_EQ(a.nodes, "0b leaves 0b gone ");
    net.run(7'000);
    EXPECT_EQ(a.nodes, "0b leaves 0b gone 0b here ");
    a.take(), b.take();
    EXPECT_EQ(a.publish("news", "one"), 1u);
    a.node.joined("other");
    net.run(500);
    EXPECT_EQ(b.publish("other", "two"), 1u);
    net.run(500);
    EXPECT_EQ(a.take(), "0b:other,=two ");
    EXPECT_EQ(b.take(), "0a:news,=one ");
}

TEST_F(NativeNode, WhatWaitsForANodeThatIsForgottenIsCounted) {
    b.is_cut = true;
    for (const char* text : {"1", "2", "3"}) EXPECT_EQ(a.publish("news", text), 1u);
    net.run(50'000);
    EXPECT_EQ(a.node.stats().dropped, 0u);
    net.run(12'000);
    EXPECT_EQ(a.nodes, "0b here 0c here 0b away 0b gone ");
    EXPECT_EQ(a.node.stats().forgotten, 3u);
    EXPECT_EQ(a.node.stats().dropped, 3u);
}

TEST_F(NativeNode, ANodeThatIsAwayTooLongIsForgotten) {
    b.is_cut = true;
    net.run(62'000);
    EXPECT_EQ(a.nodes, "0b here 0c here 0b away 0b gone ");
    EXPECT_EQ(a.publish("news", "x"), 0u);
    b.is_cut = false;
    net.run(1'000);
    a.nodes.clear();
    EXPECT_EQ(a.publish("news", "again"), 1u);
    net.run(20);
    EXPECT_EQ(b.take(), "gap 0a 0 gap 0c 0 0a:news,=again ");
}

TEST_F(NativeNode, SomeoneElseWithTheOwnIdIsNoticed) {
    std::string bytes;
    write_beat(0xA, {.number = 1'000'000, .name = {}}, bytes);
    a.node.received(bytes, net.now);
    EXPECT_EQ(a.take(), "impostor ");
    EXPECT_EQ(a.node.stats().impostors, 1u);
}

// A batch from `from` to `to` of a stream that `from` has not begun.
void forge(Host& from, Host& to, uint32_t epoch) {
    std::string bytes(batch_head_bytes, '\0');
    Item item;
    item.kind = ItemKind::sync;
    EXPECT_TRUE(write_item(item, {}, bytes));
    write_batch_head(from.id, {.to = to.id, .epoch = epoch, .seq = 1}, bytes);
    to.node.received(bytes, to.net.now);
}

// A stranger, or a copy of the machine, sent a batch in the name of a node: its own are older then.
TEST_F(NativeNode, ABatchOfAForeignEpochKeepsNobodyOut) {
    for (const uint32_t epoch : {2u, 1'000'000u, 0x7fff'ffffu, 0x8000'0001u, 0xffff'ffffu, 3u}) {
        forge(a, b, epoch);
        a.take(), b.take();
        EXPECT_EQ(a.publish("news", "one"), 1u);
        net.run(500);
        EXPECT_EQ(a.publish("news", "two"), 1u);
        net.run(500);
        const std::string got = b.take();
        EXPECT_TRUE(got.ends_with("0a:news,=one 0a:news,=two ")) << epoch << ": " << got;
        b.node.joined("other");
        net.run(500);
        EXPECT_EQ(a.publish("other", "three"), 1u) << epoch;
        net.run(500);
        EXPECT_EQ(b.take(), "0a:other,=three ") << epoch;
        b.node.left("other");
        net.run(500);
    }
}

TEST_F(NativeNode, BatchesOfForeignEpochsInBothDirections) {
    a.node.joined("here");
    net.run(500);
    for (const uint32_t epoch : {1'000'000u, 0x8000'0000u}) {
        forge(a, b, epoch);
        forge(b, a, epoch + 7);
        a.take(), b.take();
        EXPECT_EQ(a.publish("news", "one"), 1u);
        EXPECT_EQ(b.publish("here", "two"), 1u);
        net.run(1'000);
        EXPECT_TRUE(b.take().ends_with("0a:news,=one ")) << epoch;
        EXPECT_TRUE(a.take().ends_with("0b:here,=two ")) << epoch;
    }
    EXPECT_GT(a.node.stats().impostors, 0u);
    EXPECT_GT(b.node.stats().impostors, 0u);
}

// A beat with a number that the node has not reached: the others would ignore what it says next.
TEST_F(NativeNode, AForeignBeatMutesNobody) {
    for (const uint64_t number : {uint64_t{1'000'000}, uint64_t{1} << 62, UINT64_MAX}) {
        std::string bytes;
        write_beat(b.id, {.number = number, .name = {}}, bytes);
        for (Host* const host : {&a, &b, &c}) host->node.received(bytes, net.now);
        net.run(2'000);
        const std::string room = "room" + std::to_string(number);
        b.node.joined(room);
        net.run(500);
        b.take();
        EXPECT_EQ(a.publish(room, "x"), 1u) << number;
        net.run(100);
        EXPECT_EQ(b.take(), "0a:" + room + ",=x ") << number;
    }
}

TEST(NativeNodeSettings, ANodeWithOtherSettingsIsTold) {
    for (const Options& other : {Options{.name = "n", .settings_check = 7},
                                 Options{.name = "n", .groups = 2, .settings_check = 6}}) {
        Net net;
        Host& a = net.add(0xA, {.settings_check = 6});
        Host& same = net.add(0xB, {.name = "same", .settings_check = 6});
        net.run(1'000);
        EXPECT_EQ(a.others, "");
        net.add(0xC, other);
        net.run(1'000);
        EXPECT_EQ(a.others, "n");
        EXPECT_EQ(same.others, "n");
        EXPECT_GT(a.node.stats().other_settings, 0u);
    }
}

TEST_F(NativeNode, WrongBytesAreCountedAndChangeNothing) {
    for (const char* bytes : {"", "{}", "\xB5\x01", "\xB5\x02\x01"})
        a.node.received(bytes, net.now);
    EXPECT_EQ(a.node.stats().malformed, 4u);
    EXPECT_EQ(a.publish("news", "x"), 1u);
}

TEST_F(NativeNode, RefusesWhatIsOverALimit) {
    EXPECT_EQ(a.publish(std::string(1'025, 'r'), "x"), std::nullopt);
    EXPECT_EQ(a.publish("news", std::string(16'777'217, 'x')), std::nullopt);
    EXPECT_EQ(a.node.stats().refused, 2u);
}

TEST(NativeNodeLimits, ForgetsNoRoomsButFloodsWhenTheTableIsFull) {
    Net net;
    Host& a = net.add(0xA, {.table_entries_max = 50});
    Host& b = net.add(0xB);
    Host& c = net.add(0xC);
    for (int i = 0; i < 10; ++i) c.node.joined("c" + std::to_string(i));
    for (int i = 0; i < 60; ++i) b.node.joined("b" + std::to_string(i));
    net.run(500);
    EXPECT_EQ(a.publish("b59", "x"), 1u);      // To b.
    EXPECT_EQ(a.publish("c5", "y"), 2u);       // To c, and to b in case.
    EXPECT_EQ(a.publish("nothing", "z"), 1u);  // To b in case.
    net.run(20);
    EXPECT_EQ(b.take(), "0a:b59,=x ");
    EXPECT_EQ(c.take(), "0a:c5,=y ");
    for (int i = 0; i < 55; ++i) b.node.left("b" + std::to_string(i));
    net.run(1'500);
    EXPECT_EQ(a.publish("nothing", "z"), 0u);
    EXPECT_EQ(a.publish("b59", "x"), 1u);
}

TEST(NativeNodeLimits, ANodeWithTooManyRoomsGetsEverything) {
    Net net;
    Host& a = net.add(0xA);
    Host& b = net.add(0xB, {.own_rooms_max = 10});
    for (int i = 0; i < 11; ++i) b.node.joined("b" + std::to_string(i));
    net.run(500);
    EXPECT_EQ(a.publish("nothing", "x"), 1u);
    for (int i = 0; i < 8; ++i) b.node.left("b" + std::to_string(i));
    net.run(1'500);
    EXPECT_EQ(a.publish("nothing", "x"), 0u);
    EXPECT_EQ(a.publish("b9", "x"), 1u);
}

TEST(NativeNodeLimits, ALateNodeGetsASnapshotInParts) {
    Net net;
    Host& a = net.add(0xA, {.log_changes_max = 100});
    for (int i = 0; i < 40'000; ++i) a.node.joined("r" + std::to_string(i));
    net.run(200);
    Host& b = net.add(0xB);
    net.run(1'000);
    EXPECT_EQ(b.node.stats().snapshots, 1u);
    EXPECT_EQ(b.publish("nothing", "x"), 0u);
    EXPECT_EQ(b.publish("r39999", "x"), 1u);
    a.node.left("r39999");
    net.run(300);
    EXPECT_EQ(b.publish("r39999", "x"), 0u);
    EXPECT_EQ(b.node.stats().mismatches, 0u);
}

TEST(NativeNodeLimits, TakesNoMoreNodesThanAllowed) {
    Net net;
    Host& a = net.add(0xA, {.nodes_max = 2});
    for (NodeId id = 0xB; id <= 0xE; ++id) static_cast<void>(net.add(id));
    net.run(100);
    EXPECT_EQ(a.node.nodes(net.now).size(), 2u);
    EXPECT_GT(a.node.stats().refused, 0u);
}

}  // namespace
}  // namespace starling::cluster::native
