// The pure halves of a client that reconnects: when it does, and which messages may be lost.
#include "ws/reconnect_plan.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "ws/unconfirmed.h"

namespace starling::ws {
namespace {

// A script: "open 100" (at 100 ms), "lost 200" (shows the pause, or "end").
std::string play(const ReconnectPlan::Options& options, std::string_view script, double random) {
    ReconnectPlan plan(options);
    std::string shown;
    while (!script.empty()) {
        const std::string step(script.substr(0, script.find(';')));
        script.remove_prefix(std::min(script.size(), step.size() + 1));
        const uint64_t at = std::stoull(step.substr(5));
        if (step.starts_with("open")) {
            plan.opened(at);
            continue;
        }
        const auto pause = plan.lost(at, random);
        shown += (shown.empty() ? "" : " ") + (pause ? std::to_string(*pause) : "end");
    }
    return shown;
}

TEST(ReconnectPlan, Pauses) {
    struct Row {
        std::string_view name, script, pauses;
        ReconnectPlan::Options options;
        double random = 0;
    };
    constexpr ReconnectPlan::Options plain{100, 1000, 0, 0, 50};
    constexpr ReconnectPlan::Options three{100, 1000, 0, 3, 50};
    const Row rows[] = {
        {"grow up to the maximum", "lost 1;lost 2;lost 3;lost 4;lost 5;lost 6",
         "100 200 400 800 1000 1000", plain},
        {"a stable connection resets them", "lost 1;lost 2;open 10;lost 60;lost 61",
         "100 200 100 200", plain},
        {"a short connection does not", "lost 1;lost 2;open 10;lost 59;lost 60", "100 200 400 800",
         plain},
        {"an attempt that fails is not stable", "open 0;lost 60;lost 900;lost 901", "100 200 400",
         plain},
        {"the first connection counts", "open 0;lost 50;lost 51", "100 200", plain},
        {"attempts are limited", "lost 1;lost 2;lost 3;lost 4;lost 5", "100 200 400 end end",
         three},
        {"since the last stable connection",
         "lost 1;lost 2;open 3;lost 99;lost 100;lost 101;lost 102", "100 200 100 200 400 end",
         three},
        {"jitter shortens", "lost 1;lost 2", "60 120", {100, 1000, 0.5, 0, 50}, 0.8},
        {"jitter lengthens, below the maximum",
         "lost 1;lost 2;lost 3;lost 4;lost 5",
         "145 290 580 1000 1000",
         {100, 1000, 0.5, 0, 50},
         0.9},
        {"no pause", "lost 1;lost 2", "0 0", {0, 1000, 0.5, 0, 50}, 0.9},
    };
    for (const Row& row : rows)
        EXPECT_EQ(play(row.options, row.script, row.random), row.pauses) << row.name;
}

TEST(ReconnectPlan, WorthReconnecting) {
    for (const uint16_t code : {1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 3001, 4000, 4999})
        EXPECT_TRUE(worth_reconnecting(code, 0)) << code;
    for (const uint16_t code : {1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 3003})
        EXPECT_FALSE(worth_reconnecting(code, 0)) << code;
    for (const int status : {0, 200, 301, 407 + 1, 425, 429, 500, 502, 503})
        EXPECT_TRUE(worth_reconnecting(1006, status)) << status;
    for (const int status : {400, 401, 403, 404, 407, 410, 426, 499})
        EXPECT_FALSE(worth_reconnecting(1006, status)) << status;
}

struct Message {
    std::string data;
    bool binary = false;
    bool never_sent = false;
};

std::string taken(Unconfirmed<Message>& list, uint64_t queued_bytes) {
    std::string shown = std::to_string(list.not_kept()) + ":";
    for (const Message& message :
         list.take(queued_bytes, [](Message& message) { message.never_sent = true; }))
        shown += " " + message.data + (message.never_sent ? "!" : "");
    EXPECT_EQ(list.count(), 0u);
    return shown;
}

TEST(Unconfirmed, PongsConfirmWhatWasSentBeforeTheirPing) {
    Unconfirmed<Message> list(100);
    list.sent("a", false);
    const uint64_t first = list.ask();
    list.sent("b", false);
    const uint64_t second = list.ask();
    list.sent("c", false);
    EXPECT_EQ(list.count(), 3u);
    list.confirmed(first);
    EXPECT_EQ(list.count(), 2u);
    list.confirmed(second + 1);  // Never asked for.
    EXPECT_EQ(list.count(), 2u);
    list.confirmed(second);
    EXPECT_EQ(taken(list, 0), "0: c");
    list.sent("d", false);
    list.sent("e", false);
    (void)list.ask();
    list.confirmed(list.ask());  // The answer to the newest ping counts for the one before.
    EXPECT_EQ(taken(list, 0), "0:");
}

TEST(Unconfirmed, QueuedBytesNeverLeft) {
    struct Row {
        uint64_t queued_bytes;
        std::string_view shown;
    };
    const Row rows[] = {
        {0, "0: aa bbb c"},   {1, "0: aa bbb c!"},   {2, "0: aa bbb! c!"},
        {4, "0: aa bbb! c!"}, {5, "0: aa! bbb! c!"}, {99, "0: aa! bbb! c!"},
    };
    for (const Row& row : rows) {
        Unconfirmed<Message> list(100);
        for (const char* text : {"aa", "bbb", "c"}) list.sent(text, false);
        EXPECT_EQ(taken(list, row.queued_bytes), row.shown) << row.queued_bytes;
    }
}

TEST(Unconfirmed, KeepsAtMostItsBytes) {
    Unconfirmed<Message> list(5);
    for (const char* text : {"aa", "bbb", "c"}) list.sent(text, false);
    EXPECT_EQ(list.count(), 3u);
    EXPECT_EQ(taken(list, 0), "1: bbb c");
    list.sent("aa", false);
    list.sent("more than five", false);
    list.sent("b", false);
    EXPECT_EQ(list.count(), 3u);
    EXPECT_EQ(taken(list, 0), "2: b");
    list.sent("more than five", false);
    const uint64_t ping = list.ask();
    list.sent("b", false);
    list.confirmed(ping);
    EXPECT_EQ(taken(list, 0), "0: b");
    Unconfirmed<Message> none(0);
    none.sent("", false);
    none.sent("a", false);
    EXPECT_EQ(taken(none, 0), "2:");
}

}  // namespace
}  // namespace starling::ws
