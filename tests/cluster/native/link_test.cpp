// The link to Redis comes and goes, also at different times for the nodes.
#include <gtest/gtest.h>

#include "tests/cluster/native/net.h"

namespace starling::cluster::native {
namespace {

// Alone, a node has met the others one beat after its first beat came back; before, it has heard of all.
TEST(NativeLink, MeetsTheNodesThatAreThereWithinABeat) {
    Net net;
    for (const NodeId id : {0xA, 0xB, 0xC}) net.add(id);
    net.run(100);
    Host& late = net.add(0xD);
    EXPECT_FALSE(late.node.has_met_others());
    net.run(250);
    EXPECT_FALSE(late.node.has_met_others());
    EXPECT_EQ(late.nodes, "0a here 0b here 0c here ");
    net.run(60);
    EXPECT_TRUE(late.node.has_met_others());
    late.node.link(false, net.now);
    EXPECT_TRUE(late.node.has_met_others());

    Net other;
    Host& alone = other.add(1);
    alone.is_cut = true;  // Its beats do not come back.
    other.run(1000);
    EXPECT_FALSE(alone.node.has_met_others());
    alone.is_cut = false;
    other.run(600);
    EXPECT_TRUE(alone.node.has_met_others());
}

// What a node sends before the other one has subscribed again reaches nobody. It is sent again when the other
// one is heard, not only after resend_ms.
TEST(NativeLink, WhoComesBackFirstSendsAgainWhenTheOtherIsHeard) {
    for (const Millis later : {20, 100, 200, 400}) {
        Net net;
        Host& a = net.add(0xA);
        Host& b = net.add(0xB);
        b.node.joined("news");
        net.run(300);
        for (Host* const host : {&a, &b}) host->node.link(false, net.now);
        EXPECT_EQ(a.publish("news", "one"), 1u);
        net.run(100);
        b.is_cut = true;
        a.node.link(true, net.now);
        net.run(later);
        EXPECT_EQ(b.take(), "");
        b.is_cut = false;
        b.node.link(true, net.now);
        net.run(later < 150 ? 170 - later : 30);
        EXPECT_EQ(b.take(), "0a:news,=one ") << later;
        net.run(1000);
        EXPECT_EQ(b.take(), "");
        EXPECT_EQ(a.node.stats().resent, 1u);
        EXPECT_FALSE(a.node.has_unconfirmed());
    }
}

// A node that was there all along has confirmed by then, and gets nothing twice.
TEST(NativeLink, WhoWasThereAllAlongGetsNothingTwice) {
    Net net;
    Host& a = net.add(0xA);
    Host& b = net.add(0xB);
    b.node.joined("news");
    net.run(300);
    a.node.link(false, net.now);
    EXPECT_EQ(a.publish("news", "one"), 1u);
    net.run(100);
    a.node.link(true, net.now);
    net.run(1000);
    EXPECT_EQ(b.take(), "0a:news,=one ");
    EXPECT_EQ(a.node.stats().resent, 0u);
    EXPECT_EQ(b.node.stats().duplicates, 0u);
}

}  // namespace
}  // namespace starling::cluster::native
