// When the processes of the cluster demo start and end.
#include "app/cluster_demo/supervision.h"

#include <gtest/gtest.h>

#include <signal.h>

#include <string>

namespace starling::app::cluster_demo {
namespace {

// "start 0, signal 9 to 1"
std::string actions(Supervision& supervision) {
    std::string all;
    for (const Action& action : supervision.take_actions()) {
        if (!all.empty()) all += ", ";
        if (action.kind == Action::Kind::start)
            all += "start ";
        else
            all += "signal " + std::to_string(action.signal) + " to ";
        all += std::to_string(action.process);
    }
    return all;
}

std::string states(const Supervision& supervision) {
    std::string all;
    for (size_t process = 0; process < supervision.size(); ++process)
        all.append(process ? " " : "").append(name_of(supervision[process].state));
    return all;
}

// Two nodes and Redis, all ready.
Supervision running() {
    Supervision supervision(2, true);
    supervision.begin(0);
    supervision.answered(2, true, 0);
    supervision.answered(0, true, 0);
    supervision.answered(1, true, 0);
    static_cast<void>(supervision.take_actions());
    return supervision;
}

TEST(ClusterDemoSupervision, RedisStartsFirstAndEndsLast) {
    Supervision all(2, true);
    all.begin(0);
    EXPECT_EQ(actions(all), "start 2");
    EXPECT_EQ(states(all), "idle idle starting");
    all.answered(2, true, 10);
    EXPECT_EQ(actions(all), "start 0, start 1");
    all.answered(0, false, 20);
    EXPECT_EQ(states(all), "running starting running");
    all.answered(0, true, 30);
    EXPECT_FALSE(all.all_ready());
    all.answered(1, true, 30);
    EXPECT_TRUE(all.all_ready());
    all.silent(1);
    EXPECT_FALSE(all.all_ready());
    EXPECT_EQ(actions(all), "");

    all.stop(100);
    EXPECT_EQ(actions(all), "signal 15 to 0, signal 15 to 1");
    all.exited(1, 110);
    EXPECT_EQ(actions(all), "");
    all.exited(0, 120);
    EXPECT_EQ(actions(all), "signal 15 to 2");
    EXPECT_FALSE(all.stopped());
    all.exited(2, 130);
    EXPECT_TRUE(all.stopped());
}

TEST(ClusterDemoSupervision, ARedisOfOthersIsNoProcess) {
    Supervision all(1, false);
    all.begin(0);
    EXPECT_EQ(actions(all), "start 0");
    all.stop(0);
    EXPECT_EQ(actions(all), "signal 15 to 0");
    all.exited(0, 1);
    EXPECT_TRUE(all.stopped());
}

TEST(ClusterDemoSupervision, EachButtonInEachState) {
    struct Case {
        const char *name, *to_state;  // Buttons that lead from `running` to the state.
        const char* pressed[4];  // "ACTIONS: STATE" of kill, freeze, thaw, restart; "": refused.
    };
    const Case cases[] = {
        {"running",
         "",
         {"signal 9 to 0: killed", "signal 19 to 0: frozen", "", "signal 15 to 0: restarting"}},
        {"frozen",
         "freeze",
         {"signal 9 to 0: killed", "", "signal 18 to 0: starting", "signal 9 to 0: restarting"}},
        {"killed", "kill", {"", "", "", ": restarting"}},
        {"restarting", "restart", {"", "", "", ""}},
        {"starting",
         "freeze thaw",
         {"signal 9 to 0: killed", "signal 19 to 0: frozen", "", "signal 15 to 0: restarting"}},
    };
    constexpr std::string_view names[] = {"kill", "freeze", "thaw", "restart"};
    for (const Case& c : cases) {
        for (size_t i = 0; i < 4; ++i) {
            Supervision all = running();
            for (const std::string_view before : names)
                if (std::string_view(c.to_state).find(before) != std::string_view::npos) {
                    EXPECT_TRUE(all.press(0, *button_named(before), 100));
                }
            static_cast<void>(actions(all));
            ASSERT_EQ(name_of(all[0].state), c.name);
            const bool done = all.press(0, *button_named(names[i]), 200);
            const std::string expected = c.pressed[i];
            const std::string outcome = actions(all) + ": " + std::string(name_of(all[0].state));
            EXPECT_EQ(done ? outcome : "", expected) << c.name << " " << names[i];
        }
    }
    EXPECT_EQ(button_named("stop"), std::nullopt);
}

TEST(ClusterDemoSupervision, AKilledNodeStaysAwayUntilItIsRestarted) {
    Supervision all = running();
    EXPECT_TRUE(all.press(1, Button::kill, 100));
    all.exited(1, 110);
    all.tick(1'000'000);
    EXPECT_EQ(actions(all), "signal 9 to 1");
    EXPECT_TRUE(all.press(1, Button::restart, 1'000'000));
    EXPECT_EQ(actions(all), "start 1");
    EXPECT_EQ(all[1].starts, 2);
    // It is killed and restarted before it has ended.
    EXPECT_TRUE(all.press(1, Button::kill, 1'000'100));
    EXPECT_TRUE(all.press(1, Button::restart, 1'000'101));
    EXPECT_EQ(actions(all), "signal 9 to 1");
    all.exited(1, 1'000'110);
    EXPECT_EQ(actions(all), "start 1");
}

TEST(ClusterDemoSupervision, ANodeThatIgnoresSigtermIsKilled) {
    Supervision all = running();
    EXPECT_TRUE(all.press(0, Button::restart, 100));
    EXPECT_EQ(actions(all), "signal 15 to 0");
    all.tick(100 + end_ms_max - 1);
    EXPECT_EQ(actions(all), "");
    all.tick(100 + end_ms_max);
    EXPECT_EQ(actions(all), "signal 9 to 0");
    all.exited(0, 5000);
    EXPECT_EQ(actions(all), "start 0");
    all.stop(6000);
    static_cast<void>(actions(all));
    all.tick(6000 + end_ms_max);
    EXPECT_EQ(actions(all), "signal 9 to 0, signal 9 to 1");
}

TEST(ClusterDemoSupervision, PausesDoubleAndBeginAnewAfterASteadyTime) {
    Supervision all = running();
    int64_t now = 100;
    for (const int64_t pause : {500, 1000, 2000, 4000, 8000, 8000}) {
        all.exited(0, now);
        EXPECT_EQ(name_of(all[0].state), "waiting");
        all.tick(now + pause - 1);
        EXPECT_EQ(actions(all), "");
        now += pause;
        all.tick(now);
        EXPECT_EQ(actions(all), "start 0");
        all.answered(0, true, ++now);
    }
    now += steady_ms;
    all.exited(0, now);
    EXPECT_EQ(all[0].due_ms, now + pause_ms_min);
    // The button does not wait for the end of the pause.
    EXPECT_TRUE(all.press(0, Button::restart, now));
    EXPECT_EQ(actions(all), "start 0");
    all.exited(0, now);
    EXPECT_TRUE(all.press(0, Button::kill, now));
    all.tick(now + 60'000);
    EXPECT_EQ(actions(all), "");
}

TEST(ClusterDemoSupervision, WhatWasNeverReadyIsGivenUp) {
    Supervision all(2, false);
    all.begin(0);
    for (const size_t node : {0u, 1u})
        for (int i = 0; i < failures_max; ++i) {
            EXPECT_EQ(all.culprit(), std::nullopt);
            if (i == 1) all.answered(node, false, 0);  // It answers, and ends without being ready.
            all.exited(node, 0);
            all.tick(pause_ms_max);
        }
    EXPECT_EQ(states(all), "failed failed");
    EXPECT_EQ(all.culprit(), 0u);
    static_cast<void>(actions(all));
    EXPECT_TRUE(all.press(1, Button::restart, 0));
    EXPECT_EQ(actions(all), "start 1");
    EXPECT_EQ(all.culprit(), std::nullopt);

    Supervision redis(1, true);
    redis.begin(0);
    for (int i = 0; i < failures_max; ++i) {
        redis.exited(1, 0);
        redis.tick(pause_ms_max);
    }
    EXPECT_EQ(states(redis), "idle failed");
    EXPECT_EQ(redis.culprit(), 1u);
    redis.stop(0);
    EXPECT_TRUE(redis.stopped());
}

TEST(ClusterDemoSupervision, TheEndOfTheDemoIsFinal) {
    Supervision all = running();
    EXPECT_TRUE(all.press(0, Button::freeze, 0));
    EXPECT_TRUE(all.press(1, Button::kill, 0));
    static_cast<void>(actions(all));
    all.stop(10);
    EXPECT_EQ(actions(all),
              "signal 9 to 0");  // A frozen one takes no SIGTERM, a killed one ends anyhow.
    EXPECT_FALSE(all.press(0, Button::restart, 20));
    EXPECT_FALSE(all.press(2, Button::kill, 20));
    all.exited(2, 30);  // Redis dies by itself meanwhile.
    all.tick(60'000);
    EXPECT_EQ(actions(all), "signal 9 to 0, signal 9 to 1");
    all.stop(60'000);  // Once more: at once.
    EXPECT_EQ(actions(all), "signal 9 to 0, signal 9 to 1");
    all.exited(0, 60'001);
    all.exited(1, 60'002);
    EXPECT_TRUE(all.stopped());
    EXPECT_EQ(actions(all), "");
}

}  // namespace
}  // namespace starling::app::cluster_demo
