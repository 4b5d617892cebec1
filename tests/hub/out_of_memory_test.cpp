// Presence: each allocation of entering and of leaving fails once. A connection that could not enter is no
// member, and leaving always succeeds.
#include <gtest/gtest.h>

#include <cstdint>
#include <new>
#include <string>
#include <utility>

#include "hub/presence_nodes.h"
#include "tests/fake/failing_memory.h"

namespace starling::hub {
namespace {

using Form = Presence::Form;

constexpr Presence::Limits limits{1000, 16 << 20};
// Longer than what a std::string holds without memory.
const std::string channel = "a channel with a name that needs memory";
const std::string client = "a client with a name that needs memory";
const std::string user = "a user with a name that needs memory";

// fence() needs memory, as that of the server does.
struct Tables final : PresenceNodes::Link {
    void joined(const std::string&) override { ++held; }
    void left(const std::string&) override { --held; }
    void publish(const std::string&, std::string bytes) override {
        const auto message = decode_presence(bytes);
        for (const auto& table : message->tables) {
            text += table.before == 0 ? "all" : "change";
            for (const auto& claim : table.claims)
                text += " " + claim.member.client + "=" + std::to_string(claim.connections);
            text += "\n";
        }
    }
    void send(uint64_t, std::string) override {}
    void fence(const std::string&, uint64_t) override { static_cast<void>(std::string(100, 'x')); }
    void ask(const std::string&, uint64_t, std::string) override {}
    void confirm(const std::string&, uint64_t, std::vector<uint64_t> nodes, std::string) override {
        asked += nodes.size();
    }
    void changed() noexcept override {}

    int held = 0;
    size_t asked = 0;
    std::string text;
};

struct OneNode {
    explicit OneNode(bool in_cluster) {
        if (in_cluster) nodes.connect(link, 5);
    }
    void enter(const std::string& id) {
        nodes.enter(channel, Form::users, {id, user + id, "\"info\""}, 0);
    }
    // False: there was no memory.
    bool tries_to_enter(const std::string& id) {
        try {
            enter(id);
            return true;
        } catch (const std::bad_alloc&) {
            return false;
        }
    }
    static Presence::Leaving leaving(const std::string& id) {
        return {channel, Presence::key_of(Form::users, id, user + id)};
    }
    std::string take() { return std::exchange(link.text, {}); }
    Tables link;
    PresenceNodes nodes{limits, nullptr};
};

TEST(OutOfMemoryPresence, AConnectionThatCouldNotEnterIsNoMember) {
    for (const bool in_cluster : {false, true}) {
        for (const size_t before : {0U, 1U}) {
            uint64_t number = 1;
            for (bool entered = false; !entered; ++number) {
                OneNode t(in_cluster);
                for (size_t i = 0; i < before; ++i) t.enter("first");
                fake::fail_allocation(number);
                entered = t.tries_to_enter(client);
                fake::fail_allocation(0);
                const size_t members = before + (entered ? 1 : 0);
                EXPECT_EQ(t.nodes.members().list(channel, 10).members.size(), members) << number;
                EXPECT_EQ(t.nodes.members().stats().members, members) << number;
                EXPECT_EQ(t.link.held, in_cluster && members > 0 ? 1 : 0) << number;
                t.nodes.flush();
                EXPECT_EQ(t.take().find(client) != std::string::npos, in_cluster && entered);
                if (!entered) t.enter(client);
                static_cast<void>(t.nodes.leave(OneNode::leaving(client)));
                if (before > 0) static_cast<void>(t.nodes.leave(OneNode::leaving("first")));
                t.nodes.flush();
                EXPECT_EQ(t.nodes.members().stats().bytes, 0U) << number;
                EXPECT_EQ(t.link.held, 0) << number;
            }
            EXPECT_GT(number, 5U);
        }
    }
}

TEST(OutOfMemoryPresence, AConnectionLeavesWithoutMemory) {
    for (const bool in_cluster : {false, true}) {
        uint64_t number = 1;
        for (bool failed = true; failed; ++number) {
            OneNode t(in_cluster);
            t.enter("other");
            t.enter(client);
            t.nodes.flush();
            t.take();
            Presence::Leaving leaving = OneNode::leaving(client);
            fake::fail_allocation(number);
            const auto change = t.nodes.leave(std::move(leaving));
            failed = fake::allocation_failed();
            fake::fail_allocation(0);
            ASSERT_TRUE(change);
            EXPECT_EQ(change->channel, channel);
            EXPECT_EQ(change->member.client, client);
            EXPECT_EQ(t.nodes.members().list(channel, 10).members.size(), 1U);
            t.nodes.flush();
            const std::string told = t.take();  // Without memory for the key: all claims.
            EXPECT_TRUE(told == "change =0\n" || (failed && told == "all other=1\n") ||
                        (!in_cluster && told.empty()))
                << told;
        }
        EXPECT_GT(number, in_cluster ? 2U : 1U);
    }
}

TEST(OutOfMemoryPresence, AUserThatRemainsOnAnotherNodeLeavesWithoutMemory) {
    const std::string key = Presence::key_of(Form::users, client, user + client);
    const auto hear = [&key](OneNode& t, uint64_t version, size_t connections) {
        const PresenceMember remote{"remote", user + client, ""};
        t.nodes.on_message(
            9,
            encode({.kind = PresenceMessage::Kind::tables,
                    .tables = {{channel,
                                version - 1,
                                version,
                                {{key, connections ? remote : PresenceMember{}, connections}}}}}),
            0);
    };
    uint64_t number = 1;
    for (bool failed = true; failed; ++number) {
        OneNode t(true);
        t.enter(client);
        t.nodes.flush();
        hear(t, 1, 1);
        Presence::Leaving leaving = OneNode::leaving(client);
        fake::fail_allocation(number);
        EXPECT_FALSE(t.nodes.leave(std::move(leaving)));
        failed = fake::allocation_failed();
        fake::fail_allocation(0);
        t.nodes.flush();
        if (!failed) EXPECT_EQ(t.link.asked, 1U);
        hear(t, 2, 0);
        t.nodes.settled(channel, 1, 0);
        t.nodes.flush();
        EXPECT_EQ(t.nodes.members().stats().bytes, 0U) << number;
        EXPECT_EQ(t.link.held, 0) << number;
    }
    EXPECT_GT(number, 5U);
}

TEST(OutOfMemoryPresence, AClaimOfAnotherNodeIsThereOrNot) {
    const PresenceClaim claim{"c" + client, {client, user, "\"info\""}, 1};
    uint64_t number = 1;
    for (bool done = false; !done; ++number) {
        Presence presence(limits);
        fake::fail_allocation(number);
        try {
            static_cast<void>(presence.claim(channel, 9, claim));
            done = true;
        } catch (const std::bad_alloc&) {}
        fake::fail_allocation(0);
        EXPECT_EQ(presence.list(channel, 10).members.size(), done ? 1U : 0U) << number;
        EXPECT_EQ(presence.stats().bytes > 0, done) << number;
    }
    EXPECT_GT(number, 5U);
}

}  // namespace
}  // namespace starling::hub
