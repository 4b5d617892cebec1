#include "cluster/payload_head.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::cluster {
namespace {

using socketio::StreamId;

TEST(PayloadHead, TheFirstLineIsThePath) {
    EXPECT_FALSE(read_payload(""));
    EXPECT_FALSE(read_payload("/chat"));
    const auto usual = read_payload("\nmessage");
    ASSERT_TRUE(usual);
    EXPECT_EQ(usual->path, "");
    EXPECT_EQ(usual->body, "message");
    const auto other = read_payload("/chat\nmes\nsage");
    ASSERT_TRUE(other);
    EXPECT_EQ(other->path, "/chat");
    EXPECT_EQ(other->body, "mes\nsage");
}

TEST(PayloadHead, AQuestionNamesTheEntryBeforeIt) {
    const QuestionBody plain = read_question_body("message");
    EXPECT_FALSE(plain.stored);
    EXPECT_EQ(plain.message, "message");
    const std::string text = stored_line({17, 3}) + "mes\nsage";
    EXPECT_EQ(text, "@17-3\nmes\nsage");
    const QuestionBody marked = read_question_body(text);
    EXPECT_EQ(marked.stored, (StreamId{17, 3}));
    EXPECT_EQ(marked.message, "mes\nsage");
}

TEST(PayloadHead, AnEntryThatIsNoneIsLeftOut) {
    for (const char* const line :
         {"@", "@x", "@-", "@1", "@1-", "@-1", "@1-1-1", "@ 1-1", "@99999999999999999999999-0"}) {
        const std::string text = std::string(line) + "\nmessage";
        EXPECT_FALSE(read_question_body(text).stored) << line;
        EXPECT_EQ(read_question_body(text).message, "message") << line;
        EXPECT_FALSE(read_question_body(line).stored) << line;
        EXPECT_EQ(read_question_body(line).message, "") << line;
    }
    EXPECT_EQ(read_question_body("").message, "");
}

}  // namespace
}  // namespace starling::cluster
