// Questions for locks: their numbers, their times, and grants that come too late.
#include "cluster/engine/questions.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::cluster::engine {
namespace {

using Kind = Questions::Kind;

TEST(EngineQuestions, AnAnswerEndsAQuestionOnce) {
    Questions questions({.first = 5, .step = 3});
    EXPECT_EQ(questions.ask(Kind::poll, "a", 0), 5U);
    EXPECT_EQ(questions.ask(Kind::post, "b", 0), 8U);
    EXPECT_EQ(questions.open(), 2U);
    const auto answered = questions.answered(8);
    ASSERT_TRUE(answered);
    EXPECT_EQ(answered->question.sid, "b");
    EXPECT_EQ(answered->question.kind, Kind::post);
    EXPECT_FALSE(answered->is_late);
    EXPECT_FALSE(questions.answered(8));
    EXPECT_FALSE(questions.answered(6));  // Nobody's.
    EXPECT_EQ(questions.open(), 1U);
}

TEST(EngineQuestions, AnAnswerAfterTheTimeIsLate) {
    Questions questions({.timeout_ms = 1000, .remember_ms = 10'000});
    const uint64_t first = questions.ask(Kind::poll, "a", 0);
    const uint64_t second = questions.ask(Kind::websocket, "b", 500);
    EXPECT_FALSE(questions.expire(999));
    EXPECT_EQ(questions.due_ms(), 1000U);
    const auto expired = questions.expire(1000);
    ASSERT_TRUE(expired);
    EXPECT_EQ(expired->number, first);
    EXPECT_EQ(expired->kind, Kind::poll);
    EXPECT_FALSE(questions.expire(1000));
    const auto late = questions.answered(first);
    ASSERT_TRUE(late);
    EXPECT_TRUE(late->is_late);
    EXPECT_EQ(late->question.kind, Kind::poll);
    EXPECT_EQ(late->question.sid, "a");

    questions.give_up(second, 1100);
    EXPECT_EQ(questions.open(), 0U);
    EXPECT_EQ(questions.remembered(), 2U - 1U);
    EXPECT_TRUE(questions.answered(second)->is_late);
}

// Those that were asked earlier may be given up later.
TEST(EngineQuestions, WhatIsForgottenIsTheOldest) {
    Questions questions({.timeout_ms = 1000, .remember_ms = 10'000});
    const uint64_t first = questions.ask(Kind::poll, "a", 0);
    const uint64_t second = questions.ask(Kind::post, "b", 500);
    questions.give_up(second, 600);
    questions.give_up(first, 700);
    EXPECT_FALSE(questions.expire(11'000));
    EXPECT_FALSE(questions.answered(first));
    EXPECT_TRUE(questions.answered(second)->is_late);
}

TEST(EngineQuestions, WhatWasGivenUpIsForgottenWithTime) {
    Questions questions({.timeout_ms = 1000, .remember_ms = 10'000, .remembered_max = 2});
    for (int i = 0; i < 3; ++i) questions.give_up(questions.ask(Kind::poll, "a", 0), 0);
    EXPECT_EQ(questions.remembered(), 2U);
    EXPECT_FALSE(questions.answered(1));  // The oldest one had to go.
    EXPECT_TRUE(questions.answered(2));
    EXPECT_FALSE(questions.expire(10'999));
    EXPECT_EQ(questions.remembered(), 1U);
    EXPECT_FALSE(questions.expire(11'000));
    EXPECT_EQ(questions.remembered(), 0U);
    EXPECT_FALSE(questions.answered(3));
    EXPECT_FALSE(questions.due_ms());
}

}  // namespace
}  // namespace starling::cluster::engine
