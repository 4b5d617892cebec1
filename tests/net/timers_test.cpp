#include "net/timers.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace starling::net {
namespace {

void run(Timers& timers, uint64_t now_ms) {
    timers.run(now_ms, [](const std::function<void()>& call) { call(); });
}

TEST(Timers, FireInTheOrderOfTheirTimes) {
    Timers timers;
    std::string order;
    timers.add(30, 0, [&] { order += 'c'; });
    timers.add(10, 0, [&] { order += 'a'; });
    timers.add(20, 0, [&] { order += 'b'; });
    timers.add(20, 0, [&] { order += 'B'; });
    EXPECT_EQ(timers.next_due_ms(), 10u);
    run(timers, 9);
    EXPECT_EQ(order, "");
    run(timers, 20);
    EXPECT_EQ(order, "abB");
    run(timers, 100);
    EXPECT_EQ(order, "abBc");
    EXPECT_EQ(timers.next_due_ms(), std::nullopt);
}

TEST(Timers, APeriodicTimerThatIsLateFiresOnceAndKeepsItsRhythm) {
    Timers timers;
    int fired = 0;
    timers.add(100, 100, [&] { ++fired; });
    run(timers, 100);
    EXPECT_EQ(fired, 1);
    run(timers, 570);
    EXPECT_EQ(fired, 2);
    EXPECT_EQ(timers.next_due_ms(), 600u);
    run(timers, 600);
    EXPECT_EQ(fired, 3);
}

TEST(Timers, CancellingTellsWhetherItWasStillToFire) {
    Timers timers;
    int fired = 0;
    const TimerId id = timers.add(10, 0, [&] { ++fired; });
    const TimerId once = timers.add(5, 0, [&] { ++fired; });
    EXPECT_TRUE(timers.cancel(id));
    EXPECT_FALSE(timers.cancel(id));
    EXPECT_FALSE(timers.cancel(0));
    run(timers, 100);
    EXPECT_EQ(fired, 1);
    EXPECT_FALSE(timers.cancel(once));
}

TEST(Timers, ACallMayCancelItselfAndOthers) {
    Timers timers;
    std::string order;
    TimerId self = 0, other = 0;
    self = timers.add(10, 10, [&] {
        order += 's';
        EXPECT_TRUE(timers.cancel(self));
        EXPECT_TRUE(timers.cancel(other));
        order += '.';
    });
    other = timers.add(10, 0, [&] { order += 'o'; });
    run(timers, 50);
    run(timers, 100);
    EXPECT_EQ(order, "s.");
    EXPECT_EQ(timers.next_due_ms(), std::nullopt);
}

// Otherwise a handler that yields with a delay of zero would block the loop for ever.
TEST(Timers, WhatACallAddsWaitsForTheNextRun) {
    Timers timers;
    int fired = 0;
    std::function<void()> again = [&] {
        if (++fired < 100) timers.add(10, 0, again);
    };
    timers.add(10, 0, again);
    run(timers, 10);
    EXPECT_EQ(fired, 1);
    EXPECT_EQ(timers.next_due_ms(), 10u);
    run(timers, 10);
    EXPECT_EQ(fired, 2);
}

TEST(Timers, CancelledTimersDoNotPileUp) {
    Timers timers;
    int fired = 0;
    timers.add(50, 0, [&] { ++fired; });
    for (int i = 0; i < 100'000; ++i)
        EXPECT_TRUE(timers.cancel(timers.add(1'000'000, 0, [&] { ++fired; })));
    EXPECT_LT(timers.entries(), 200u);
    run(timers, 2'000'000);
    EXPECT_EQ(fired, 1);
}

TEST(Timers, WhatACancelledCallOwnsMayCancelToo) {
    Timers timers;
    struct Owner {
        Timers& timers;
        TimerId id;
        ~Owner() { EXPECT_TRUE(timers.cancel(id)); }
    };
    std::weak_ptr<Owner> watch;
    TimerId outer = 0;
    {
        auto owned = std::shared_ptr<Owner>(new Owner{timers, timers.add(10, 0, [] {})});
        watch = owned;
        outer = timers.add(20, 0, [owned] {});
    }
    EXPECT_FALSE(watch.expired());
    EXPECT_TRUE(timers.cancel(outer));
    EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace starling::net
