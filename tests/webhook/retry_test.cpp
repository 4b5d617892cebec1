#include "webhook/retry.h"

#include <gtest/gtest.h>

namespace starling::webhook {
namespace {

TEST(WebhookRetry, Verdicts) {
    constexpr auto delivered = Verdict::delivered, again = Verdict::again, lost = Verdict::lost;
    const struct {
        Outcome outcome;
        Verdict at_least_once, at_most_once;
    } cases[] = {
        {{0, false}, again, again},          {{0, true}, again, lost},
        {{100, true}, lost, lost},           {{199, true}, lost, lost},
        {{200, true}, delivered, delivered}, {{201, true}, delivered, delivered},
        {{204, true}, delivered, delivered}, {{299, true}, delivered, delivered},
        {{300, true}, lost, lost},           {{302, true}, lost, lost},
        {{400, true}, lost, lost},           {{401, true}, lost, lost},
        {{404, true}, lost, lost},           {{408, true}, lost, lost},
        {{428, true}, lost, lost},           {{429, true}, again, again},
        {{430, true}, lost, lost},           {{500, true}, again, lost},
        {{501, true}, again, lost},          {{502, true}, again, again},
        {{503, true}, again, again},         {{504, true}, again, again},
        {{505, true}, again, lost},          {{599, true}, again, lost},
        {{600, true}, lost, lost},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(judge(c.outcome, Rules::at_least_once), c.at_least_once) << c.outcome.status;
        EXPECT_EQ(judge(c.outcome, Rules::at_most_once), c.at_most_once) << c.outcome.status;
    }
}

TEST(WebhookRetry, PausesGrowAndJitter) {
    const RetryOptions options;
    const struct {
        uint32_t tries, random, pause;
    } cases[] = {
        {1, 0, 80},           {1, 1U << 31, 100},
        {1, UINT32_MAX, 119}, {2, 1U << 31, 200},
        {6, 0, 2'560},        {7, 1U << 31, 5'000},
        {7, 0, 4'000},        {7, UINT32_MAX, 5'999},
        {1'000, 0, 4'000},    {UINT32_MAX, 1U << 31, 5'000},
    };
    for (const auto& c : cases)
        EXPECT_EQ(pause_ms(options, c.tries, c.random, std::nullopt), c.pause) << c.tries;
    EXPECT_EQ(pause_ms(options, 9, 0, 0), 100U);
    EXPECT_EQ(pause_ms(options, 1, 0, 2'000), 2'000U);
    EXPECT_EQ(pause_ms(options, 1, 0, 3'600'000), 5'000U);
}

TEST(WebhookRetry, RetryAfter) {
    constexpr int64_t now_s = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
    const struct {
        std::string_view value;
        std::optional<uint32_t> ms;
    } cases[] = {
        {"3", 3'000},
        {" 120 ", 120'000},
        {"0", 0},
        {"99999999999999999999999", 4'294'967'000},
        {"Sun, 06 Nov 1994 08:49:40 GMT", 3'000},
        {"Sun, 06 Nov 1994 08:49:30 GMT", 0},
        {"", std::nullopt},
        {"-1", std::nullopt},
        {"1.5", std::nullopt},
        {"soon", std::nullopt},
    };
    for (const auto& c : cases) EXPECT_EQ(read_retry_after(c.value, now_s), c.ms) << c.value;
}

}  // namespace
}  // namespace starling::webhook
