#include "server/history/replies.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "redis/reader.h"

namespace starling::server {
namespace {

const std::string epoch = "0123456789abcdef1";

std::string array(const std::vector<std::string>& texts) {
    std::string out = "*" + std::to_string(texts.size()) + "\r\n";
    for (const auto& text : texts)
        out += "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
    return out;
}

// Calls `f` with the reply.
template <class F>
auto with(const std::string& bytes, F&& f) {
    redis::Reader reader;
    auto input = std::as_bytes(std::span(bytes));
    EXPECT_EQ(reader.next(input), redis::Reader::Step::reply) << bytes;
    return f(reader.reply());
}

bool appended(const std::string& bytes, size_t items, hub::RemoteHistory::Appended& answer) {
    return with(bytes,
                [&](const redis::Value& value) { return read_appended(value, items, answer); });
}

bool page(const std::string& bytes, hub::HistoryPage& answer, bool since = true) {
    return with(bytes,
                [&](const redis::Value& value) { return read_page(value, "news", since, answer); });
}

TEST(HistoryReplies, AnEpochAndAnOffsetForEachItem) {
    hub::RemoteHistory::Appended answer{};
    ASSERT_TRUE(appended(array({epoch, "41", "42"}), 2, answer));
    EXPECT_EQ(answer.epoch, epoch);
    EXPECT_EQ(answer.offsets, (std::vector<uint64_t>{41, 42}));
}

TEST(HistoryReplies, WhatIsNoAnswerOfTheAppendScript) {
    for (const std::string& bytes :
         {array({epoch, "41"}), array({epoch, "41", "42", "43"}), array({"", "41", "42"}),
          array({"a:b c", "41", "42"}), array({epoch, "41", "x"}), array({epoch, "41", "-1"}),
          array({epoch, "41", "18446744073709551616"}), array({}), std::string("+OK\r\n"),
          std::string("$-1\r\n"), std::string("*3\r\n*0\r\n$1\r\n1\r\n$1\r\n2\r\n")}) {
        hub::RemoteHistory::Appended answer{};
        EXPECT_FALSE(appended(bytes, 2, answer)) << bytes;
    }
}

TEST(HistoryReplies, APageOfPublications) {
    hub::HistoryPage answer;
    ASSERT_TRUE(page(array({epoch, "42", "7", "40", "40", "one", "41", "世界"}), answer));
    EXPECT_EQ(answer.top.epoch, epoch);
    EXPECT_EQ(answer.top.offset, 42u);
    EXPECT_EQ(answer.begun, 7u);
    EXPECT_EQ(answer.first, 40u);
    ASSERT_EQ(answer.messages.size(), 2u);
    EXPECT_EQ(answer.messages[0]->offset, 40u);
    EXPECT_EQ(answer.messages[0]->text, "one");
    EXPECT_EQ(answer.messages[1]->text, "世界");
    EXPECT_EQ(answer.messages[1]->channel, "news");
    EXPECT_EQ(answer.messages[1]->epoch, epoch);
    EXPECT_TRUE(answer.more);
    hub::HistoryPage newest;
    ASSERT_TRUE(page(array({epoch, "41", "0", "40", "41", "last"}), newest));
    EXPECT_FALSE(newest.more);
    hub::HistoryPage none;
    ASSERT_TRUE(page(array({epoch, "42", "0", "43"}), none));
    EXPECT_TRUE(none.messages.empty() && !none.more);
    hub::HistoryPage all;
    ASSERT_TRUE(page(array({epoch, "42", "0", "40", "40", "one"}), all, false));
    EXPECT_FALSE(all.more);
}

TEST(HistoryReplies, WhatIsNoAnswerOfTheReadScript) {
    for (const std::string& bytes :
         {array({epoch, "42", "0"}), array({epoch, "42", "0", "40", "40"}),
          array({"", "42", "0", "40"}), array({epoch, "x", "0", "40"}),
          array({epoch, "42", "", "40"}), array({epoch, "42", "0", "40 "}),
          array({epoch, "42", "0", "40", "-1", "one"}),
          array({epoch, "42", "0", "40", "40", "\xff"}), array({}), std::string(":1\r\n")}) {
        hub::HistoryPage answer;
        EXPECT_FALSE(page(bytes, answer)) << bytes;
    }
}

}  // namespace
}  // namespace starling::server
