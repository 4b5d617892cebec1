// Presence over nodes: what a node does with each message. presence_simulation_test.cpp has many nodes.
#include "hub/presence_nodes.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace starling::hub {
namespace {

using Change = PresenceNodes::Change;
using Form = Presence::Form;
using Id = PresenceNodes::NodeId;

constexpr Presence::Limits limits{1000, 16 << 20};

std::string shown(const PresenceMessage& message) {
    std::string text(1, static_cast<char>(message.kind));
    for (const auto& table : message.tables) {
        text += " " + table.channel + ":" + std::to_string(table.before) + ">" +
                std::to_string(table.version);
        for (const auto& claim : table.claims)
            text += "," + claim.key + "=" + std::to_string(claim.connections);
    }
    for (const auto& digest : message.digests)
        text += " " + digest.channel + ":" + std::to_string(digest.version);
    for (const auto& channel : message.channels) text += " " + channel;
    return text;
}

// Writes down what a node does.
struct Script final : PresenceNodes::Link {
    void joined(const std::string& channel) override { text += "join " + channel + "\n"; }
    void left(const std::string& channel) override { text += "left " + channel + "\n"; }
    void publish(const std::string& channel, std::string bytes) override {
        text += "to " + channel + ": " + shown(*decode_presence(bytes)) + "\n";
    }
    void send(Id to, std::string bytes) override {
        text += "to " + std::to_string(to) + ": " + shown(*decode_presence(bytes)) + "\n";
    }
    void fence(const std::string& channel, uint64_t) override { text += "fence " + channel + "\n"; }
    void ask(const std::string& channel, uint64_t, std::string bytes) override {
        text += "ask " + channel + ": " + shown(*decode_presence(bytes)) + "\n";
    }
    void confirm(const std::string& channel, uint64_t ticket, std::vector<Id> nodes,
                 std::string bytes) override {
        EXPECT_EQ(decode_presence(bytes)->kind, PresenceMessage::Kind::confirm);
        text += "confirm " + channel + " " + std::to_string(ticket) + ":";
        for (const Id node : nodes) text += " " + std::to_string(node);
        text += "\n";
    }
    void changed() noexcept override {}
    std::string text;
};

struct OneNode {
    explicit OneNode(Id self = 5, Presence::Limits with = limits)
        : nodes(with, [this](const PresenceChange& change, bool reports) {
              script.text += std::string(change.joined ? "+" : "-") + change.member.client +
                             (reports ? "!" : "") + "\n";
          }) {
        nodes.connect(script, self);
    }
    void enter(const std::string& client, const std::string& user = "") {
        nodes.enter("c", user.empty() ? Form::connections : Form::users, {client, user, ""}, 0);
    }
    void leave(const std::string& client, const std::string& user = "") {
        const Form form = user.empty() ? Form::connections : Form::users;
        nodes.leave({"c", Presence::key_of(form, client, user)});
    }
    void hear(Id from, uint64_t before, uint64_t version, std::vector<PresenceClaim> claims) {
        nodes.on_message(from,
                         encode({.kind = PresenceMessage::Kind::tables,
                                 .tables = {{"c", before, version, std::move(claims)}}}),
                         0);
    }
    std::string take() { return std::exchange(script.text, {}); }
    std::string list() {
        const auto all = nodes.members().list("c", 100);
        std::string text = std::to_string(all.connections) + ":";
        for (const auto& member : all.members) text += " " + member.client;
        return text;
    }
    Script script;
    PresenceNodes nodes;
};

PresenceClaim claim(const std::string& client, size_t connections = 1) {
    return {"c" + client, {client, "", ""}, connections};
}

TEST(PresenceNodes, SaysWhatChanged) {
    OneNode t;
    t.enter("a");
    EXPECT_EQ(t.take(), "join c\nfence c\n");
    t.nodes.flush();
    EXPECT_EQ(t.take(), "to c: T c:0>1,ca=1\n");
    bool known = false;
    t.nodes.when_known("c", [&] { known = true; });
    t.nodes.fenced("c", 1);
    EXPECT_EQ(t.take(), "ask c: T c:0>1,ca=1\n");
    EXPECT_FALSE(known);
    t.nodes.asked("c", 1, 0);
    EXPECT_TRUE(known);
    t.enter("x1", "ann");
    t.enter("x2", "ann");
    t.nodes.flush();
    EXPECT_EQ(t.take(), "to c: T c:1>2,uann=2\n");
    t.leave("x1", "ann");
    t.leave("x2", "ann");
    t.nodes.flush();
    EXPECT_EQ(t.take(), "to c: T c:2>3,uann=0\n");
    t.leave("a");
    t.enter("b");
    t.nodes.flush();
    EXPECT_EQ(t.take(), "to c: T c:3>4,ca=0,cb=1\n");
    t.leave("b");
    t.nodes.flush();
    EXPECT_EQ(t.take(), "to c: T c:4>5,cb=0\nleft c\n");
    EXPECT_FALSE(t.nodes.is_held("c"));
}

TEST(PresenceNodes, AppliesChangesInTheirOrder) {
    OneNode t;
    t.enter("own");
    t.nodes.flush();
    t.take();
    t.hear(9, 0, 10, {claim("a"), claim("b")});
    EXPECT_EQ(t.take(), "+a\n+b\n");
    t.hear(9, 10, 11, {claim("a", 0), claim("c")});
    EXPECT_EQ(t.take(), "-a\n+c\n");
    t.hear(9, 10, 11, {claim("a", 0), claim("c")});  // Twice.
    EXPECT_EQ(t.take(), "");
    t.hear(9, 12, 13, {claim("d")});  // One is missing.
    EXPECT_EQ(t.take(), "to 9: W c\n");
    t.hear(9, 0, 13, {claim("c"), claim("d")});
    EXPECT_EQ(t.take(), "-b\n+d\n");
    EXPECT_EQ(t.list(), "3: own c d");
    t.hear(9, 0, 14, {});
    EXPECT_EQ(t.take(), "-c\n-d\n");
    t.hear(5, 0, 20, {claim("of myself")});
    EXPECT_EQ(t.take(), "");
}

TEST(PresenceNodes, AnswersOnceForAChannelThatIsNamedOften) {
    OneNode t;
    t.enter("a");
    t.nodes.flush();
    t.take();
    const PresenceMessage want{.kind = PresenceMessage::Kind::want,
                               .channels = std::vector<std::string>(1024, "c")};
    t.nodes.on_message(9, encode(want), 0);
    EXPECT_EQ(t.take(), "to 9: T c:0>1,ca=1\n");
}

TEST(PresenceNodes, AUserOnTwoNodesJoinsOnce) {
    OneNode t;
    const PresenceClaim ann{"uann", {"remote", "ann", ""}, 2};
    t.enter("x", "ann");
    t.nodes.flush();
    t.take();
    t.hear(9, 0, 1, {ann});
    EXPECT_EQ(t.take(), "");
    EXPECT_EQ(t.list(), "3: x");
    t.enter("y", "bob");  // The channel is still held.
    t.leave("x", "ann");
    EXPECT_EQ(t.list(), "3: remote y");
    t.nodes.flush();
    EXPECT_EQ(t.take(), "confirm c 1: 9\nto c: T c:1>2,uann=0,ubob=1\n");
    t.nodes.confirmed("c", 1, 9);
    t.nodes.settled("c", 1, 0);
    t.hear(9, 1, 2, {{"uann", {}, 0}});
    EXPECT_EQ(t.take(), "-remote\n");  // The other node reports it.
}

// The last two connections of a user leave on two nodes, and neither has heard of the other.
struct TwoNodes : OneNode {
    explicit TwoNodes(Id self) : OneNode(self) {
        enter("x", "ann");
        nodes.flush();
        hear(9, 0, 1, {{"uann", {"remote", "ann", ""}, 1}});
        leave("x", "ann");
        nodes.flush();
        take();
    }
    // `heir`: to whom node 9 left the user.
    void hear_leave(Id heir) { hear(9, 1, 2, {{"uann", {}, 0, heir}}); }
};

TEST(PresenceNodes, TheLowerOfTwoNodesReportsAUserThatLeavesBoth) {
    for (const Id self : {Id{5}, Id{50}}) {
        TwoNodes t(self);
        EXPECT_TRUE(t.nodes.is_held("c"));  // Until the other node knows.
        t.hear_leave(self);
        EXPECT_EQ(t.take(), self == 5 ? "-remote!\n" : "-remote\n");
        t.nodes.confirmed("c", 1, 9);
        t.nodes.settled("c", 1, 0);
        t.nodes.flush();
        EXPECT_EQ(t.take(), "left c\n");
    }
}

TEST(PresenceNodes, ANodeReportsIfItWasNotTheHeir) {
    TwoNodes t(50);
    t.hear_leave(7);  // Node 9 had not heard of this node's claim, and saw another one.
    EXPECT_EQ(t.take(), "-remote!\n");
}

// The answer comes behind what this node tells of itself.
TEST(PresenceNodes, AnHeirTellsItsChangesBeforeItConfirms) {
    OneNode t;
    t.enter("x", "ann");
    t.nodes.flush();
    t.hear(9, 0, 1, {{"uann", {"remote", "ann", ""}, 1}});
    t.leave("x", "ann");
    t.take();
    const std::string handed = encode(
        {.kind = PresenceMessage::Kind::confirm, .tables = {{"c", 1, 2, {{"uann", {}, 0, 5}}}}});
    EXPECT_EQ(shown(*decode_presence(t.nodes.on_question(9, handed, 0))), "C");
    EXPECT_EQ(t.take(), "-remote!\nto c: T c:1>2,uann=0\nleft c\n");
}

TEST(PresenceNodes, AChannelEndsWhenItsLastMemberIsHandedOver) {
    TwoNodes t(50);
    t.nodes.confirmed("c", 1, 9);
    t.nodes.flush();
    EXPECT_EQ(t.take(), "left c\n");
    EXPECT_FALSE(t.nodes.is_held("c"));
    t.nodes.settled("c", 1, 0);  // Of a channel that has ended.
}

TEST(PresenceNodes, AnHeirThatDoesNotAnswerIsAskedAgain) {
    TwoNodes t(50);
    t.nodes.settled("c", 1, 1);
    t.nodes.tick(0);
    EXPECT_EQ(t.take(), "confirm c 2: 9\nto c: D c:2\n");
    t.nodes.settled("c", 1, 0);  // Nobody waits for that question any more.
    for (uint64_t i = 0; i < PresenceNodes::handover_ticks; ++i) t.nodes.tick(0);
    t.nodes.flush();
    EXPECT_NE(t.take().find("left c\n"), std::string::npos);
    EXPECT_FALSE(t.nodes.is_held("c"));
}

TEST(PresenceNodes, SoManyHeirsAreAskedAtATime) {
    constexpr size_t channels = PresenceNodes::asking_max + 2;
    OneNode t;
    const auto name = [](size_t i) { return "c" + std::to_string(i); };
    for (size_t i = 0; i < channels; ++i) {
        t.nodes.enter(name(i), Form::users, {"x", "ann", ""}, 0);
        t.nodes.on_message(
            9,
            encode({.kind = PresenceMessage::Kind::tables,
                    .tables = {{name(i), 0, 1, {{"uann", {"remote", "ann", ""}, 1}}}}}),
            0);
        t.nodes.leave({name(i), "uann"});
    }
    const auto asked = [&t] {
        size_t sum = 0;
        const std::string text = t.take();
        for (size_t at = 0; (at = text.find("confirm", at)) != std::string::npos; ++at) ++sum;
        return sum;
    };
    t.nodes.flush();
    EXPECT_EQ(asked(), PresenceNodes::asking_max);
    t.nodes.tick(0);
    EXPECT_EQ(asked(), 0U);
    t.nodes.settled("of a channel that has ended", 1, 0);
    t.nodes.tick(0);
    EXPECT_EQ(asked(), 1U);
    t.nodes.settled("of another one", 2, 0);
    t.nodes.tick(0);
    EXPECT_EQ(asked(), 1U);
}

TEST(PresenceNodes, AnHeirDies) {
    TwoNodes t(50);
    t.nodes.on_node(9, Change::away);
    t.nodes.flush();
    EXPECT_EQ(t.take(), "-remote!\nleft c\n");
    TwoNodes other(50);  // A third node has members: it reports.
    other.hear(70, 0, 1, {claim("a")});
    other.take();
    other.nodes.on_node(9, Change::away);
    other.nodes.flush();
    EXPECT_EQ(other.take(), "-remote\nleft c\n");
}

TEST(PresenceNodes, AUserThatComesBackIsNotHandedOver) {
    TwoNodes t(5);
    t.enter("y", "ann");
    t.hear_leave(5);
    EXPECT_EQ(t.take(), "");
    t.nodes.settled("c", 1, 0);
    t.nodes.flush();
    EXPECT_EQ(t.list(), "1: y");
}

TEST(PresenceNodes, AUserWithThreeNodesLeavesThemAll) {
    TwoNodes t(50);
    t.enter("y", "ann");
    t.hear(70, 0, 1, {{"uann", {"third", "ann", ""}, 1}});
    t.leave("y", "ann");
    t.nodes.flush();
    t.take();
    t.hear_leave(0);
    EXPECT_EQ(t.take(), "");
    t.hear(70, 1, 2, {{"uann", {}, 0}});
    EXPECT_EQ(t.take(), "-third!\n");  // Others may report it too.
}

TEST(PresenceNodes, AnswersQuestionsAndDigests) {
    OneNode t;
    t.enter("own");
    t.nodes.flush();
    t.take();
    const auto ask = [&](const PresenceMessage& message) {
        return shown(*decode_presence(t.nodes.on_question(9, encode(message), 0)));
    };
    EXPECT_EQ(ask({.kind = PresenceMessage::Kind::tables, .tables = {{"c", 0, 3, {claim("a")}}}}),
              "T c:0>1,cown=1");
    EXPECT_EQ(t.take(), "+a\n");
    EXPECT_EQ(ask({.kind = PresenceMessage::Kind::confirm, .tables = {{"c", 0, 3, {claim("a")}}}}),
              "C");
    EXPECT_EQ(ask({.kind = PresenceMessage::Kind::want, .channels = {"c", "other"}}),
              "T c:0>1,cown=1 other:0>2");
    const auto digest = [&](uint64_t version) {
        t.nodes.on_message(9,
                           encode({.kind = PresenceMessage::Kind::digests,
                                   .digests = {{"c", version}, {"not held", 1}}}),
                           0);
        return t.take();
    };
    EXPECT_EQ(digest(3), "");
    EXPECT_EQ(digest(4), "to 9: W c\n");
    t.nodes.on_message(9, encode({.kind = PresenceMessage::Kind::hello}), 0);
    EXPECT_EQ(t.take(), "to 9: A c:1\n");
    t.nodes.on_gap(9);
    EXPECT_EQ(t.take(), "to 9: H\n");
    t.nodes.on_message(9, encode({.kind = PresenceMessage::Kind::all}), 0);
    EXPECT_EQ(t.take(), "-a\n");
    t.nodes.on_message(9, "nonsense", 0);
    EXPECT_EQ(t.nodes.malformed(), 1U);
}

TEST(PresenceNodes, ANodeTakesItsMembersAndBringsThemBack) {
    for (const Id self : {Id{5}, Id{50}}) {
        const std::string reports = self == 5 ? "!" : "";  // The lowest one that is left.
        OneNode t(self);
        t.enter("own");
        t.nodes.flush();
        t.hear(9, 0, 1, {claim("a")});
        t.hear(7, 0, 1, {claim("b")});
        t.take();
        t.nodes.on_node(9, Change::away);
        EXPECT_EQ(t.take(), "-a" + reports + "\n");
        t.hear(9, 0, 2, {claim("late")});  // Sent before it died.
        EXPECT_EQ(t.take(), "");
        t.nodes.on_node(9, Change::here);
        EXPECT_EQ(t.take(), "to 9: A c:1\nto 9: H\n");
        t.nodes.on_node(9, Change::here);
        EXPECT_EQ(t.take(), "to 9: A c:1\n");  // It was not away.
        t.hear(9, 0, 3, {claim("a"), claim("new")});
        EXPECT_EQ(t.take(), "+a" + reports + "\n+new\n");
    }
}

TEST(PresenceNodes, ForgetsANodeThatSaysNothing) {
    OneNode t;
    t.enter("own");
    t.nodes.flush();
    t.hear(9, 0, 1, {claim("a")});
    t.take();
    t.nodes.tick(PresenceNodes::forget_ms - 1);
    EXPECT_EQ(t.take(), "to c: D c:1\n");
    t.nodes.tick(PresenceNodes::forget_ms);
    EXPECT_EQ(t.take(), "-a!\n");
}

TEST(PresenceNodes, AListSaysHowOldItsOldestPartIs) {
    using Kind = PresenceMessage::Kind;
    OneNode t;
    const auto age_ms = [&](uint64_t now_ms) { return t.nodes.list("c", 100, now_ms).age_ms; };
    EXPECT_EQ(age_ms(50), 0U);  // Nobody else has members, as far as this node knows.
    t.enter("own");
    EXPECT_EQ(age_ms(50), 50U);  // Nobody has answered.
    t.nodes.asked("c", 1, 0);
    EXPECT_EQ(age_ms(50), 0U);
    t.hear(8, 0, 1, {claim("a")});
    t.hear(9, 0, 3, {claim("b")});
    EXPECT_EQ(age_ms(70), 70U);
    const auto digest = [&](Id from, uint64_t version, uint64_t now_ms) {
        t.nodes.on_message(from, encode({.kind = Kind::digests, .digests = {{"c", version}}}),
                           now_ms);
    };
    digest(9, 3, 40);
    EXPECT_EQ(age_ms(70), 70U);  // Node 8 has said nothing more.
    digest(8, 1, 60);
    EXPECT_EQ(age_ms(70), 30U);
    digest(9, 4, 70);  // It has changed, and the change has not come yet.
    EXPECT_EQ(age_ms(80), 40U);
    t.nodes.on_message(9, encode({.kind = Kind::tables, .tables = {{"c", 3, 4, {claim("b", 0)}}}}),
                       90);
    EXPECT_EQ(age_ms(100), 40U);
    PresenceNodes alone(limits, nullptr);
    alone.enter("c", Form::connections, {"own", "", ""}, 0);
    EXPECT_EQ(alone.list("c", 100, 50).age_ms, std::nullopt);
}

TEST(PresenceNodes, AListSaysHowManyNodesDidNotAnswer) {
    OneNode t;
    const auto missing = [&](uint64_t now_ms) { return t.nodes.list("c", 100, now_ms).missing; };
    EXPECT_EQ(missing(0), 0U);
    t.enter("own");
    EXPECT_EQ(missing(0), 1U);  // Or more: the question is under way.
    t.nodes.tick(PresenceNodes::wait_ms_max);
    EXPECT_TRUE(t.nodes.is_known("c"));
    EXPECT_EQ(missing(PresenceNodes::wait_ms_max), 1U);
    t.nodes.asked("c", 1, 2);
    EXPECT_EQ(missing(PresenceNodes::all_heard_ms - 1), 2U);
    EXPECT_EQ(missing(PresenceNodes::all_heard_ms), 0U);  // They have sent their digests, or died.
    OneNode other;
    other.enter("own");
    other.nodes.asked("c", 1, 0);
    EXPECT_EQ(other.nodes.list("c", 100, 0).missing, 0U);
}

TEST(PresenceNodes, WhatWaitsForAChannelGoesOnWhenItEnds) {
    OneNode t;
    t.enter("own");
    int known = 0;
    t.nodes.when_known("c", [&] { ++known; });
    t.leave("own");
    t.nodes.flush();
    EXPECT_EQ(known, 1);
    EXPECT_FALSE(t.nodes.is_held("c"));
}

TEST(PresenceNodes, WaitsForTheOthersOnlySoLong) {
    OneNode t;
    t.enter("own");
    bool known = false;
    t.nodes.when_known("c", [&] { known = true; });
    t.nodes.tick(PresenceNodes::wait_ms_max - 1);
    EXPECT_FALSE(known);
    t.nodes.tick(PresenceNodes::wait_ms_max);
    EXPECT_TRUE(known);
}

TEST(PresenceNodes, AMemberThatHadNoPlaceComesLater) {
    OneNode t(5, {2, 1 << 20});
    t.enter("own");
    t.nodes.flush();
    t.hear(9, 0, 1, {claim("a"), claim("b")});
    EXPECT_EQ(t.list(), "2: own a");
    t.hear(9, 1, 2, {claim("a", 0)});
    t.take();
    for (uint64_t i = 0; i < PresenceNodes::digest_ticks; ++i) t.nodes.tick(0);
    EXPECT_EQ(t.take(), "to 9: W c\nto c: D c:1\n");
    t.hear(9, 0, 2, {claim("b")});
    EXPECT_EQ(t.list(), "2: own b");
}

TEST(PresenceNodes, AChangeThatCrossesTheQuestionForAFullTableLosesNobody) {
    OneNode t(5, {3, 1 << 20});
    t.enter("own");
    t.nodes.flush();
    t.hear(9, 0, 1, {claim("a"), claim("b"), claim("c")});
    EXPECT_EQ(t.list(), "3: own a b");
    t.take();
    for (uint64_t i = 0; i < PresenceNodes::digest_ticks; ++i) t.nodes.tick(0);
    EXPECT_EQ(t.take(), "to 9: W c\nto c: D c:1\n");
    t.hear(9, 1, 2, {claim("c", 0)});  // Sent before the question came.
    EXPECT_EQ(t.take(), "to 9: W c\n");
    t.hear(9, 0, 2, {claim("a"), claim("b")});
    EXPECT_EQ(t.take(), "");
    t.hear(9, 2, 3, {claim("a", 0)});
    EXPECT_EQ(t.take(), "-a\n");
    t.nodes.on_node(9, Change::gone);
    EXPECT_EQ(t.take(), "-b!\n");
    EXPECT_EQ(t.list(), "1: own");
}

TEST(PresenceNodes, ListsAChannelWithoutAMemberHere) {
    Presence merged(limits);
    PresenceNodes::merge(
        merged, 9, "c",
        encode({.kind = PresenceMessage::Kind::tables,
                .tables = {{"c", 0, 1, {claim("a", 2)}}, {"d", 0, 1, {claim("x")}}}}));
    PresenceNodes::merge(merged, 7, "c", "nonsense");
    const auto list = merged.list("c", 10);
    EXPECT_EQ(list.users, 1U);
    EXPECT_EQ(list.connections, 2U);
    EXPECT_EQ(PresenceNodes::question_about("c"), "W\1c");
}

}  // namespace
}  // namespace starling::hub
