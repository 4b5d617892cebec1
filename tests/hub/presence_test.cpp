// Presence: tables of connections that come and go, and what each call reports.
#include "hub/presence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace starling::hub {
namespace {

using Form = Presence::Form;

struct Step {
    char what;  // '+' enters, '-' leaves.
    const char* client;
    const char* user;
    const char* change;   // "": nothing is reported.
    const char* members;  // "client:user ..." afterwards, in the order of their joining.
    size_t connections;
};

std::string shown(const PresenceList& list) {
    std::string text;
    for (const auto& member : list.members)
        text += (text.empty() ? "" : " ") + member.client + ":" + member.user;
    return text;
}

void run(Form form, const std::vector<Step>& steps) {
    Presence presence({.members_max = 100, .bytes_max = 100'000});
    uint64_t serial = 0;
    for (const auto& step : steps) {
        SCOPED_TRACE(std::string(1, step.what) + step.client);
        const auto change =
            step.what == '+'
                ? presence.enter("room", form, {step.client, step.user, ""}).change
                : presence.leave({"room", Presence::key_of(form, step.client, step.user)});
        const std::string text = change ? (change->joined ? "join " : "leave ") +
                                              change->member.client + ":" + change->member.user
                                        : "";
        EXPECT_EQ(text, step.change);
        if (change) {
            EXPECT_EQ(change->serial, ++serial);
        }
        const auto list = presence.list("room", 100);
        EXPECT_EQ(shown(list), step.members);
        EXPECT_EQ(list.connections, step.connections);
        EXPECT_EQ(list.users, list.members.size());
        EXPECT_EQ(list.serial, serial);
    }
    EXPECT_EQ(presence.stats().bytes, 0U);
    EXPECT_EQ(presence.stats().members, 0U);
    EXPECT_EQ(presence.stats().channels, 0U);
}

TEST(Presence, PerConnection) {
    run(Form::connections, {{'+', "1", "ann", "join 1:ann", "1:ann", 1},
                            {'+', "2", "ann", "join 2:ann", "1:ann 2:ann", 2},
                            {'+', "3", "", "join 3:", "1:ann 2:ann 3:", 3},
                            {'-', "1", "ann", "leave 1:ann", "2:ann 3:", 2},
                            {'+', "1", "ann", "join 1:ann", "2:ann 3: 1:ann", 3},
                            {'-', "3", "", "leave 3:", "2:ann 1:ann", 2},
                            {'-', "2", "ann", "leave 2:ann", "1:ann", 1},
                            {'-', "1", "ann", "leave 1:ann", "", 0}});
}

TEST(Presence, PerUser) {
    run(Form::users, {{'+', "1", "ann", "join 1:ann", "1:ann", 1},
                      {'+', "2", "ann", "", "1:ann", 2},
                      {'+', "3", "bob", "join 3:bob", "1:ann 3:bob", 3},
                      {'+', "4", "", "join 4:", "1:ann 3:bob 4:", 4},
                      {'+', "5", "", "join 5:", "1:ann 3:bob 4: 5:", 5},
                      {'-', "1", "ann", "", "1:ann 3:bob 4: 5:", 4},  // Another one is left.
                      {'-', "2", "ann", "leave 1:ann", "3:bob 4: 5:", 3},
                      {'-', "4", "", "leave 4:", "3:bob 5:", 2},
                      {'-', "3", "bob", "leave 3:bob", "5:", 1},
                      {'-', "5", "", "leave 5:", "", 0}});
}

TEST(Presence, AUserNamedLikeAConnectionIsAnotherMember) {
    run(Form::users, {{'+', "ann", "", "join ann:", "ann:", 1},
                      {'+', "1", "ann", "join 1:ann", "ann: 1:ann", 2},
                      {'-', "ann", "", "leave ann:", "1:ann", 1},
                      {'-', "1", "ann", "leave 1:ann", "", 0}});
}

TEST(Presence, AFullChannelTakesNoMember) {
    Presence presence({.members_max = 2, .bytes_max = 100'000});
    EXPECT_TRUE(presence.enter("a", Form::users, {"1", "ann", ""}).change);
    EXPECT_TRUE(presence.enter("a", Form::users, {"2", "bob", ""}).change);
    EXPECT_TRUE(presence.enter("a", Form::users, {"3", "eve", ""}).full);
    EXPECT_FALSE(presence.enter("a", Form::users, {"4", "ann", ""}).full);  // Is a member already.
    EXPECT_TRUE(presence.enter("b", Form::users, {"3", "eve", ""}).change);
    EXPECT_EQ(presence.stats().refused, 1U);
    EXPECT_EQ(presence.list("a", 1).members.size(), 1U);
    EXPECT_EQ(presence.list("a", 1).users, 2U);
}

TEST(Presence, MemoryIsBounded) {
    Presence presence({.members_max = 1'000'000, .bytes_max = 50'000});
    size_t members = 0;
    for (int i = 0; i < 1000; ++i) {
        const std::string name = std::to_string(i);
        if (presence.enter("c" + name, Form::connections, {name, "", std::string(100, 'x')}).change)
            ++members;
    }
    EXPECT_GT(members, 50U);
    EXPECT_LT(members, 200U);
    EXPECT_LE(presence.stats().bytes, 50'000U);
    EXPECT_EQ(presence.stats().refused, 1000 - members);
    EXPECT_EQ(presence.list("c999", 10).users, 0U);
}

}  // namespace
}  // namespace starling::hub
