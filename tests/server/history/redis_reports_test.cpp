// What the log says about a connection to Redis, and how often.
#include "server/history/redis_reports.h"

#include <gtest/gtest.h>

#include <string>

#include "redis/errors.h"
#include "tests/server/worker_group_fixture.h"

namespace starling::server::test {
namespace {

// All calls in one tick of the loop: no time passes.
template <class Calls>
std::string lines_of(Calls&& calls) {
    TestTeam team;
    team.start(1);
    team.on(0, [&](Worker& worker) {
        RedisReports reports(worker, "history", "events");
        calls(reports);
    });
    return team.log->lines.text();
}

TEST(RedisReports, AnOutageIsTwoLinesHoweverOftenTheConnectionFails) {
    EXPECT_EQ(lines_of([](RedisReports& reports) {
                  for (int i = 0; i < 3; ++i) reports.away("Connection refused", false);
                  reports.back();
              }),
              "history: Redis is away: Connection refused events, "
              "history: connected to Redis events");
}

TEST(RedisReports, ANewReasonIsANewLine) {
    EXPECT_EQ(lines_of([](RedisReports& reports) {
                  reports.away("Connection refused", false);
                  reports.away("no answer", false);
                  reports.back();
                  reports.away("no answer", false);
              }),
              "history: Redis is away: Connection refused events, "
              "history: Redis is away: no answer events, "
              "history: connected to Redis events, "
              "history: Redis is away: no answer events");
}

TEST(RedisReports, WhoWasNotSaidToBeAwayIsNotBack) {
    EXPECT_EQ(lines_of([](RedisReports& reports) { reports.back(); }), "");
    EXPECT_EQ(lines_of([](RedisReports& reports) { reports.connected(); }),
              "history: connected to Redis events");
}

TEST(RedisReports, ErrorsOfRedisAreInWords) {
    EXPECT_EQ(lines_of([](RedisReports& reports) {
                  for (int i = 0; i < 3; ++i) reports.failed("an entry", "READONLY You can't");
                  reports.failed("a question", "strange");
                  EXPECT_EQ(reports.failures(), 4u);
              }),
              "history: an entry: " + std::string(redis::in_words("READONLY You can't")) +
                  " events 1, history: a question: strange events 4");
}

TEST(RedisReports, AKindHasOneLineInItsIntervalAndSixteenKindsHave) {
    EXPECT_EQ(lines_of([](RedisReports& reports) {
                  EXPECT_TRUE(reports.tell_lasting("node a", "why", 1));
                  EXPECT_FALSE(reports.tell_lasting("node a", "why", 2));
                  EXPECT_TRUE(reports.tell("node a", "why", 3));
              }),
              "history: node a: why events 1, history: node a: why events 3");
    lines_of([](RedisReports& reports) {
        for (int i = 0; i < 20; ++i) {
            EXPECT_EQ(reports.tell("kind " + std::to_string(i), "why", 1), i < 16);
            EXPECT_EQ(reports.tell_lasting("node " + std::to_string(i), "why", 1), i < 16);
        }
    });
}

TEST(RedisReports, WhatHasGrownIsToldOnce) {
    uint64_t told = 0;
    EXPECT_EQ(lines_of([&](RedisReports& reports) {
                  reports.grown(told, 0, "lost", "why");
                  reports.grown(told, 5, "lost", "why");
                  reports.grown(told, 5, "lost", "why");
              }),
              "history: lost: why events 5");
    EXPECT_EQ(told, 5u);
}

}  // namespace
}  // namespace starling::server::test
