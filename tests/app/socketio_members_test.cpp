// Who is in the Socket.IO chat, and what the page is told.
#include "app/demo/socketio_members.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace starling::app {
namespace {

std::string text(const sio::Json& list) { return boost::json::serialize(list); }

TEST(SocketIoMembers, EachChangeMakesANewerListInTheOrderOfComing) {
    SocketIoMembers members;
    EXPECT_EQ(text(members.join("z", "Ada")),
              R"({"version":1,"count":1,"members":[{"id":"z","name":"Ada"}]})");
    EXPECT_EQ(text(members.join("a", "小明")),
              R"({"version":2,"count":2,"members":[{"id":"z","name":"Ada"},)"
              R"({"id":"a","name":"小明"}]})");
    EXPECT_EQ(text(members.rename("z", "Ada Lovelace")),
              R"({"version":3,"count":2,"members":[{"id":"z","name":"Ada Lovelace"},)"
              R"({"id":"a","name":"小明"}]})");
    EXPECT_EQ(members.name("z"), "Ada Lovelace");
    EXPECT_EQ(text(members.leave("z")),
              R"({"version":4,"count":1,"members":[{"id":"a","name":"小明"}]})");
    EXPECT_EQ(members.name("z"), std::nullopt);
}

TEST(SocketIoMembers, NothingIsToldWhereNothingChanged) {
    SocketIoMembers members;
    EXPECT_TRUE(members.leave("a").is_null());
    EXPECT_TRUE(members.rename("a", "Ada").is_null());
    EXPECT_FALSE(members.join("a", "Ada").is_null());
    EXPECT_TRUE(members.join("a", "Eve").is_null());
    EXPECT_EQ(members.name("a"), "Ada");
}

TEST(SocketIoMembers, AListHasALimitAndCountsAll) {
    SocketIoMembers members;
    sio::Json list;
    for (size_t i = 0; i <= socketio_listed_max; ++i)
        list = members.join(std::to_string(i), "somebody");
    EXPECT_EQ(list.at("count").to_number<size_t>(), socketio_listed_max + 1);
    EXPECT_EQ(list.at("members").as_array().size(), socketio_listed_max);
    EXPECT_EQ(list.at("members").at(0).at("id"), "0");
}

}  // namespace
}  // namespace starling::app
