#include "webhook/answer.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::webhook {
namespace {

TEST(WebhookAnswer, Bodies) {
    EXPECT_EQ(success(3).body, R"({"code":0,"message":"success","data":{"connections":3}})");
    EXPECT_EQ(success(3).status, 200);
    EXPECT_EQ(success().body, R"({"code":0,"message":"success"})");
    const Answer strict = problem(Reading::strict, 400, "users: \"x\"");
    EXPECT_EQ(strict.status, 400);
    EXPECT_EQ(strict.body, R"({"code":400,"message":"users: \"x\""})");
    EXPECT_EQ(problem(Reading::lenient, 400, "x").status, 200);
    EXPECT_EQ(problem(Reading::lenient, 400, "x").body, R"({"code":400,"message":"x"})");
    EXPECT_EQ(problem(Reading::lenient, 401, "x").status, 401);
    EXPECT_EQ(problem(Reading::strict, 413, "x").status, 413);
}

using Found = IdempotencyCache::Found;

TEST(WebhookIdempotency, TheFirstAnswerAgain) {
    IdempotencyCache cache;
    EXPECT_EQ(cache.claim("a", 0).found, Found::nothing);
    EXPECT_EQ(cache.claim("a", 1).found, Found::running);
    cache.answer("a", success(1));
    EXPECT_EQ(cache.claim("b", 2).found, Found::nothing);
    const auto again = cache.claim("a", 599'999);
    ASSERT_EQ(again.found, Found::answer);
    EXPECT_EQ(again.answer->body, success(1).body);
    // Ten minutes after the first request.
    EXPECT_EQ(cache.claim("a", 600'000).found, Found::nothing);
    EXPECT_EQ(cache.size(), 2U);
    cache.forget("b");
    cache.forget("b");
    EXPECT_EQ(cache.claim("b", 600'001).found, Found::nothing);
    cache.answer("gone", success(9));
    EXPECT_EQ(cache.size(), 2U);
}

TEST(WebhookIdempotency, TheOldestKeyIsForgotten) {
    IdempotencyCache cache({.kept_ms = 1'000, .keys_max = 3});
    for (const char* key : {"a", "b", "c", "d"}) (void)cache.claim(key, 0);
    EXPECT_EQ(cache.size(), 3U);
    EXPECT_EQ(cache.claim("b", 0).found, Found::running);
    EXPECT_EQ(cache.claim("a", 0).found, Found::nothing);
    EXPECT_EQ(cache.claim("b", 0).found, Found::nothing);
    EXPECT_EQ(cache.claim("e", 5'000).found, Found::nothing);
    EXPECT_EQ(cache.size(), 1U);
}

}  // namespace
}  // namespace starling::webhook
