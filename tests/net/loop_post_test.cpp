#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "net/loop.h"
#include "tests/fake/clock.h"
#include "tests/fake/sockets.h"
#include "tests/fake/stream_script.h"

namespace starling::net {
namespace {

using fake::run_ticks;

TEST(LoopPost, ManyThreadsLoseNothingAndKeepTheirOwnOrder) {
    constexpr int producers = 4, posts_each = 3000;
    Loop loop;
    std::vector<std::vector<int>> ran(producers);
    int left = producers * posts_each;
    std::thread consumer([&loop] { loop.run(); });
    std::vector<std::thread> threads;
    for (int producer = 0; producer < producers; ++producer)
        threads.emplace_back([&, producer] {
            for (int i = 0; i < posts_each; ++i)
                loop.post([&, producer, i] {
                    EXPECT_TRUE(loop.in_loop_thread());
                    ran[size_t(producer)].push_back(i);
                    if (--left == 0) loop.stop();
                });
        });
    for (auto& thread : threads) thread.join();
    consumer.join();
    EXPECT_FALSE(loop.in_loop_thread());
    for (const auto& list : ran) {
        ASSERT_EQ(list.size(), size_t(posts_each));
        for (int i = 0; i < posts_each; ++i) ASSERT_EQ(list[size_t(i)], i);
    }
}

// A library user's handler may make a server or another loop: what it sets up runs nowhere yet.
TEST(LoopPost, AHandlerSetsUpALoopThatNobodyRuns) {
    Loop mine;
    std::string ran, script;
    mine.post([&] {
        Loop other;
        EXPECT_TRUE(other.touched_by_own_thread());
        other.after(0, [&] {
            EXPECT_TRUE(mine.touched_by_own_thread());  // Its tick is on this thread, too.
            EXPECT_FALSE(mine.in_loop_thread());
            ran += "other ";
        });
        other.open(fake::unix_pair().ours, std::make_unique<fake::StreamScript>(script));
        other.run_once(0);
        EXPECT_TRUE(mine.in_loop_thread());
        ran += "mine";
    });
    mine.run_once(0);
    EXPECT_EQ(ran, "other mine");
}

TEST(LoopPost, TheLoopOfAnotherThreadIsNotTouched) {
    Loop loop;
    std::latch ticking(1), seen(1);
    loop.post([&] {
        EXPECT_TRUE(loop.touched_by_own_thread());
        ticking.count_down();
        seen.wait();
        loop.stop();
    });
    EXPECT_TRUE(loop.touched_by_own_thread());
    std::thread runs([&] { loop.run(); });
    ticking.wait();
    EXPECT_FALSE(loop.touched_by_own_thread());
    seen.count_down();
    runs.join();
    EXPECT_TRUE(loop.touched_by_own_thread());
}

TEST(LoopPost, TwoLoopsCanTalk) {
    Loop a, b;
    int turns = 0;
    std::function<void()> ping, pong;
    ping = [&] {
        if (++turns < 1000) return b.post(pong);
        b.post([&] { b.stop(); });
        a.stop();
    };
    pong = [&] { a.post(ping); };
    std::thread other([&b] { b.run(); });
    a.post(ping);
    a.run();
    other.join();
    EXPECT_EQ(turns, 1000);
}

TEST(LoopPost, StopFromAnotherThreadEndsRun) {
    Loop loop;
    std::thread other([&loop] { loop.stop(); });
    loop.run();
    other.join();
    EXPECT_FALSE(loop.in_loop_thread());
}

TEST(LoopPost, ATaskThatThrowsIsReportedAndTheOthersRun) {
    Loop loop;
    std::string escaped;
    loop.on_escaped([&](std::string_view what) { escaped += std::string(what) + ";"; });
    int ran = 0;
    loop.post([] { throw std::runtime_error("first"); });
    loop.post([] { throw 7; });
    loop.post([&] { ++ran; });
    run_ticks(loop, 1);
    EXPECT_EQ(escaped, "first;an exception of unknown type;");
    EXPECT_EQ(ran, 1);
}

TEST(LoopPost, WhatATaskPostsRunsInTheNextTickWithoutAWait) {
    Loop loop;
    int ran = 0;
    std::function<void()> again = [&] {
        if (++ran < 5) loop.post(again);
    };
    loop.post(again);
    loop.run_once(-1);
    EXPECT_EQ(ran, 1);
    for (int i = 0; i < 4; ++i) loop.run_once(-1);
    EXPECT_EQ(ran, 5);
}

TEST(LoopTimers, FireByTheLoopsClockAndOnceEach) {
    fake::Clock clock;
    Loop loop(make_epoll_backend(), {}, clock.source());
    std::string order;
    loop.after(100, [&] { order += 'a'; });
    loop.every(50, [&] { order += 'e'; });
    run_ticks(loop, 3);
    EXPECT_EQ(order, "");
    clock.advance(50);
    run_ticks(loop, 3);
    EXPECT_EQ(order, "e");
    clock.advance(50);
    run_ticks(loop, 3);
    EXPECT_EQ(order, "eae");
}

TEST(LoopTimers, AnAfterOfZeroThatRepeatsDoesNotHoldTheLoop) {
    fake::Clock clock;
    Loop loop(make_epoll_backend(), {}, clock.source());
    int fired = 0;
    std::function<void()> again = [&] {
        if (++fired < 1000) loop.after(0, again);
    };
    loop.after(0, again);
    run_ticks(loop, 1);
    EXPECT_EQ(fired, 1);
    loop.run_once(-1);
    EXPECT_EQ(fired, 2);
}

TEST(LoopTimers, ADelayBeyondAllSenseDoesNotFireAtOnce) {
    fake::Clock clock;
    Loop loop(make_epoll_backend(), {}, clock.source());
    int fired = 0;
    loop.after(UINT64_MAX, [&] { ++fired; });
    loop.every(UINT64_MAX, [&] { ++fired; });
    clock.advance(1000);
    run_ticks(loop, 2);
    EXPECT_EQ(fired, 0);
}

TEST(LoopTimers, ATimerThatThrowsIsReportedAndTheLoopGoesOn) {
    fake::Clock clock;
    Loop loop(make_epoll_backend(), {}, clock.source());
    std::string escaped;
    loop.on_escaped([&](std::string_view what) { escaped = what; });
    const TimerId id = loop.every(10, [] { throw std::runtime_error("oops"); });
    clock.advance(10);
    run_ticks(loop, 1);
    EXPECT_EQ(escaped, "oops");
    EXPECT_TRUE(loop.cancel_timer(id));
}

TEST(LoopTimers, ARealClockWakesTheLoop) {
    Loop loop;
    int fired = 0;
    loop.after(5, [&] {
        ++fired;
        loop.stop();
    });
    loop.run();
    EXPECT_EQ(fired, 1);
}

// The loop has slept for an hour. A call that arrives then must see the current time.
TEST(LoopTime, IsThatOfTheWakingBeforeAnythingIsReported) {
    fake::Clock clock;
    std::string log;
    Loop loop(make_epoll_backend(), {}, clock.source());
    auto pair = fake::unix_pair();
    auto handler = std::make_unique<fake::StreamScript>(log);
    handler->bytes = [](Stream& stream, fake::StreamScript::Input& input) {
        input = {};
        stream.set_timeout(10'000);
    };
    loop.open(std::move(pair.ours), std::move(handler));
    run_ticks(loop, 1);
    clock.advance(3'600'000);
    fake::send_text(pair.peer, "x");
    run_ticks(loop, 3);
    EXPECT_EQ(log, "bytes(x)");
    clock.advance(10'250);
    run_ticks(loop, 1);
    EXPECT_EQ(log, "bytes(x) timeout");
}

}  // namespace
}  // namespace starling::net
