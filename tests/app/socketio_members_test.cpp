// The members of the Socket.IO chat, and the messages about them.
#include "app/demo/socketio_members.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>

namespace starling::app {
namespace {

std::string text(const sio::Json& list) { return boost::json::serialize(list); }

TEST(SocketIoMembers, TellsChangesInTheOrderOfComing) {
    SocketIoMembers members;
    EXPECT_EQ(text(members.list()), R"({"version":0,"count":0,"members":[]})");
    EXPECT_TRUE(members.join("z", "Ada"));
    EXPECT_FALSE(members.join("a", "小明"));
    EXPECT_EQ(text(members.take_changes()),
              R"({"version":1,"count":2,"set":[{"id":"z","name":"Ada"},)"
              R"({"id":"a","name":"小明"}],"left":[]})");
    EXPECT_TRUE(members.rename("z", "Ada Lovelace"));
    EXPECT_EQ(members.name("z"), "Ada Lovelace");
    EXPECT_EQ(text(members.take_changes()),
              R"({"version":2,"count":2,"set":[{"id":"z","name":"Ada Lovelace"}],"left":[]})");
    EXPECT_TRUE(members.leave("z"));
    EXPECT_EQ(text(members.take_changes()), R"({"version":3,"count":1,"set":[],"left":["z"]})");
    EXPECT_EQ(members.name("z"), std::nullopt);
    EXPECT_EQ(text(members.list()),
              R"({"version":3,"count":1,"members":[{"id":"a","name":"小明"}]})");
}

TEST(SocketIoMembers, OnlyTheFirstOfManyChangesAsksForABroadcast) {
    SocketIoMembers members;
    EXPECT_TRUE(members.join("a", "Ada"));
    size_t asked = 0;
    for (int i = 0; i < 1000; ++i) asked += members.rename("a", "name " + std::to_string(i));
    EXPECT_EQ(asked, 0u);
    EXPECT_EQ(text(members.take_changes()),
              R"({"version":1,"count":1,"set":[{"id":"a","name":"name 999"}],"left":[]})");
    EXPECT_TRUE(members.rename("a", "Ada"));
}

TEST(SocketIoMembers, WhatIsUndoneIsNotTold) {
    SocketIoMembers members;
    EXPECT_FALSE(members.leave("a"));
    EXPECT_FALSE(members.rename("a", "Ada"));
    EXPECT_TRUE(members.join("a", "Ada"));
    EXPECT_FALSE(members.join("a", "Eve"));
    EXPECT_EQ(members.name("a"), "Ada");
    EXPECT_FALSE(members.leave("a"));
    EXPECT_TRUE(members.take_changes().is_null());
    EXPECT_EQ(text(members.list()), R"({"version":0,"count":0,"members":[]})");
}

// A newcomer gets the list that all members have, so that the next changes apply to both.
TEST(SocketIoMembers, AListIsWhatWasToldAndTheNextChangesFollowIt) {
    SocketIoMembers members;
    EXPECT_TRUE(members.join("a", "Ada"));
    EXPECT_EQ(text(members.list()), R"({"version":0,"count":0,"members":[]})");
    EXPECT_EQ(members.take_changes().at("version"), 1);
    EXPECT_EQ(members.list().at("version"), 1);
    EXPECT_TRUE(members.rename("a", "Eve"));
    EXPECT_EQ(members.list().at("members").at(0).at("name"), "Ada");
}

TEST(SocketIoMembers, AListHasALimitAndCountsAll) {
    SocketIoMembers members;
    EXPECT_TRUE(members.join("0", "first"));
    for (size_t i = 1; i <= socketio_listed_max; ++i)
        EXPECT_FALSE(members.join(std::to_string(i), "somebody"));
    EXPECT_EQ(members.take_changes().at("set").as_array().size(), socketio_listed_max);
    EXPECT_EQ(members.list().at("count").to_number<size_t>(), socketio_listed_max + 1);
    EXPECT_EQ(members.list().at("members").as_array().size(), socketio_listed_max);
    // A member beyond the limit of the list appears once the list has room.
    const std::string last = std::to_string(socketio_listed_max);
    EXPECT_TRUE(members.rename(last, "last"));
    EXPECT_TRUE(members.take_changes().is_null());
    EXPECT_TRUE(members.leave("0"));
    EXPECT_EQ(text(members.take_changes()),
              R"({"version":2,"count":200,"set":[{"id":"200","name":"last"}],"left":["0"]})");
}

TEST(SocketIoMembers, TypingIsToldOnceInAWhileAndItsEndAtOnce) {
    SocketIoMembers members;
    EXPECT_FALSE(members.may_tell_typing("a", true, 0));  // Not a member.
    EXPECT_TRUE(members.join("a", "Ada"));
    EXPECT_FALSE(members.may_tell_typing("a", false, 0));
    EXPECT_TRUE(members.may_tell_typing("a", true, 0));
    EXPECT_FALSE(members.may_tell_typing("a", true, 1));
    EXPECT_TRUE(members.may_tell_typing("a", false, 2));
    EXPECT_FALSE(members.may_tell_typing("a", false, 3));
    EXPECT_FALSE(members.may_tell_typing("a", true, socketio_typing_interval_ms - 1));
    EXPECT_TRUE(members.may_tell_typing("a", true, socketio_typing_interval_ms));
    EXPECT_TRUE(members.may_tell_typing("a", true, 2 * socketio_typing_interval_ms));
}

TEST(SocketIoMembers, AMemberBelongsToTheNodeThatItIsConnectedTo) {
    SocketIoMembers members;
    EXPECT_TRUE(members.join("a", "Ada"));
    EXPECT_FALSE(members.join_at("n2", "b", "Ben"));
    EXPECT_EQ(text(members.own_list()),
              R"({"version":1,"count":1,"members":[{"id":"a","name":"Ada"}]})");
    EXPECT_EQ(members.take_changes().at("count"), 2);
    EXPECT_FALSE(members.join_at("n2", "b", "Ben"));
    EXPECT_TRUE(members.join_at("n2", "b", "Benjamin"));
    EXPECT_EQ(members.name("b"), "Benjamin");
    EXPECT_FALSE(members.leave("b"));
    EXPECT_FALSE(members.leave_from("n3", "b"));
    EXPECT_EQ(members.own_version(), 1u);
    // The member moves here, and then to a third node: what the node before says counts no more.
    EXPECT_FALSE(members.join("b", "Ben"));
    EXPECT_FALSE(members.leave_from("n2", "b"));
    EXPECT_EQ(members.own_list().at("count"), 2);
    EXPECT_FALSE(members.join_at("n3", "b", "Ben"));
    EXPECT_FALSE(members.leave("b"));
    EXPECT_EQ(members.own_list().at("count"), 1);
    EXPECT_EQ(members.own_version(), 3u);
    EXPECT_FALSE(members.leave_from("n3", "b"));
    EXPECT_EQ(text(members.take_changes()), R"({"version":2,"count":1,"set":[],"left":["b"]})");
    EXPECT_TRUE(members.set_unlisted(7));
    EXPECT_EQ(members.take_changes().at("count"), 8);
}

}  // namespace
}  // namespace starling::app
