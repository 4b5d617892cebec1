// The other nodes of the Socket.IO chat, and their members.
#include "app/demo/socketio_nodes.h"

#include <starling/json.h>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <string>

namespace starling::app {
namespace {

sio::Json json(std::string_view text) {
    const auto value = parse_json(text);
    EXPECT_TRUE(value) << text;
    return value.value_or(nullptr);
}

std::string names(const SocketIoMembers& members) {
    std::string all;
    const sio::Json list = members.list();
    for (const auto& one : list.at("members").as_array())
        all.append(all.empty() ? "" : " ").append(one.at("name").as_string());
    return all + " of " + std::to_string(list.at("count").to_number<uint64_t>());
}

class ChatNodes : public testing::Test {
protected:
    // The members, once the changes are told.
    std::string now() {
        static_cast<void>(members_.take_changes());
        return names(members_);
    }
    SocketIoMembers members_;
    SocketIoNodes nodes_{members_};
};

constexpr const char* two = R"({"version":3,"count":2,"members":[{"id":"b","name":"Ben"},)"
                            R"({"id":"e","name":"Eve"}]})";

TEST_F(ChatNodes, AreAskedForListsThatAreNotKnown) {
    EXPECT_TRUE(nodes_.beat("n2", 3, 0));
    EXPECT_TRUE(nodes_.listed("n2", json(two), 0));
    EXPECT_FALSE(nodes_.beat("n2", 3, 500));
    EXPECT_TRUE(nodes_.beat("n2", 4, 1000));   // The list of version 4 was lost.
    EXPECT_FALSE(nodes_.beat("n2", 2, 1500));  // On its way for long.
    // A node without members tells an empty list.
    EXPECT_TRUE(nodes_.beat("n3", 0, 0));
    EXPECT_FALSE(nodes_.listed("n3", json(R"({"version":0,"count":0,"members":[]})"), 0));
    EXPECT_FALSE(nodes_.beat("n3", 0, 500));
}

TEST_F(ChatNodes, MembersComeAndGoByTheListsOfTheirNode) {
    EXPECT_TRUE(members_.join("a", "Ada"));
    EXPECT_FALSE(nodes_.listed("n2", json(two), 0));
    EXPECT_EQ(now(), "Ada Ben Eve of 3");
    EXPECT_TRUE(nodes_.listed(
        "n2", json(R"({"version":4,"count":1,"members":[{"id":"e","name":"Eva"}]})"), 0));
    EXPECT_EQ(now(), "Ada Eva of 2");
    EXPECT_FALSE(nodes_.listed("n2", json(two), 0));  // Older.
    EXPECT_EQ(now(), "Ada Eva of 2");
    EXPECT_TRUE(nodes_.listed(
        "n2", json(R"({"version":5,"count":900,"members":[{"id":"e","name":"Eva"}]})"), 0));
    EXPECT_EQ(now(), "Ada Eva of 901");
}

TEST_F(ChatNodes, MembersOfASilentNodeLeaveUnlessTheyHaveMoved) {
    EXPECT_TRUE(nodes_.listed("n2", json(two), 0));
    EXPECT_FALSE(nodes_.beat("n2", 3, 1000));
    EXPECT_FALSE(nodes_.forget_silent(1000 + chat_silence_ms_max));
    EXPECT_EQ(now(), "Ben Eve of 2");
    EXPECT_TRUE(members_.join("e", "Eve"));  // She has come back here.
    EXPECT_FALSE(nodes_.forget_silent(1001 + chat_silence_ms_max));
    EXPECT_EQ(now(), "Eve of 1");
    // It was frozen, and goes on: its list is asked for anew.
    EXPECT_TRUE(nodes_.beat("n2", 3, 9000));
    EXPECT_TRUE(nodes_.listed("n2", json(two), 9000));
    EXPECT_EQ(now(), "Eve Ben of 2");
}

TEST_F(ChatNodes, RefuseListsWithoutAMeaning) {
    std::string many = R"({"version":1,"count":201,"members":[)";
    for (size_t i = 0; i <= socketio_listed_max; ++i)
        many += (i ? R"(,{"id":"i)" : R"({"id":"i)") + std::to_string(i) + R"(","name":"x"})";
    const std::string bad[] = {"null",
                               "[]",
                               R"({"version":1,"count":0})",
                               R"({"version":-1,"count":0,"members":[]})",
                               R"({"version":1,"count":"0","members":[]})",
                               R"({"version":1,"count":1,"members":[7]})",
                               R"({"version":1,"count":1,"members":[{"id":"","name":"x"}]})",
                               R"({"version":1,"count":1,"members":[{"id":"i","name":""}]})",
                               R"({"version":1,"count":1,"members":[{"name":"x"}]})",
                               many + "]}"};
    for (const std::string& text : bad)
        EXPECT_FALSE(nodes_.listed("n2", json(text), 0)) << text.substr(0, 80);
    EXPECT_FALSE(nodes_.listed("", json(two), 0));
    EXPECT_FALSE(nodes_.listed(std::string(65, 'n'), json(two), 0));
    EXPECT_EQ(now(), " of 0");
    for (size_t i = 0; i < chat_nodes_max; ++i)
        EXPECT_TRUE(nodes_.beat("n" + std::to_string(i), 1, 0));
    EXPECT_FALSE(nodes_.beat("one more", 1, 0));
}

}  // namespace
}  // namespace starling::app
