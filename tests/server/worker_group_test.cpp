// WorkerGroup::post_all() reaches every worker in order, limits the calls that wait for a stuck
// worker, and counts the dropped ones.
#include "server/worker_group.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "server/events/events.h"
#include "tests/server/worker_group_fixture.h"

namespace starling::server::test {
namespace {

constexpr size_t megabyte = 1024 * 1024;

TEST(WorkerGroup, PostsToEveryWorkerInOrder) {
    TestTeam t;
    t.start(3);
    std::array<std::vector<int>, 3> got;
    for (int i = 0; i < 100; ++i)
        t.group.post_all(1, nullptr,
                         [&got, i](Worker& worker) { got[worker.index()].push_back(i); });
    t.group.post_all(1, t.group.workers[1].get(),
                     [&got](Worker& worker) { got[worker.index()].push_back(1000); });
    for (size_t worker = 0; worker < 3; ++worker) {
        t.on(worker, [](Worker&) {});
        ASSERT_EQ(got[worker].size(), worker == 1 ? 100u : 101u);
        for (int i = 0; i < 100; ++i) EXPECT_EQ(got[worker][size_t(i)], i);
    }
}

TEST(WorkerGroup, DropsWhatAStuckWorkerCannotTake) {
    std::array<std::atomic<int>, 2> ran{};  // A worker may still count when the test ends.
    TestTeam t;
    t.start(2);
    Worker& stuck_worker = *t.group.workers[1];
    Stuck stuck(stuck_worker);
    int dropped = 0;
    for (int i = 0; i < 100; ++i)
        t.group.post_all(
            megabyte, nullptr, [&ran](Worker& worker) { ++ran[worker.index()]; },
            [&](Worker& worker) { dropped += worker.index() == 1; });
    EXPECT_EQ(dropped, 100 - 64);
    EXPECT_EQ(stuck_worker.posted_dropped(), 100u - 64);
    stuck.release();
    t.on(1, [](Worker&) {});
    EXPECT_EQ(ran[1].load(), 64);
    t.group.post_all(megabyte, nullptr, [&ran](Worker& worker) { ++ran[worker.index()]; });
    t.on(1, [](Worker&) {});
    EXPECT_EQ(ran[1].load(), 65);  // A call that has run gives its bytes back.
}

// Without a limit 4,000 events of 64 KiB held 257 MB beside a stuck worker, uncounted.
TEST(WorkerGroup, ServerEventsHaveTheSameBound) {
    TestTeam t;
    Events events{events::Options{}};
    events.declare({.pattern = "News"});
    t.start(2, [&](WorkerGroup& group) { events.attach(group); });
    Worker& stuck_worker = *t.group.workers[1];
    Stuck stuck(stuck_worker);
    const std::string event(64 * 1024, 'x');
    std::atomic<int> done{0};
    for (int i = 0; i < 4000; ++i)
        ASSERT_TRUE(events.publish("News", event, [&](events::Published) { ++done; }));
    // Events that the stuck worker did not get complete without it.
    EXPECT_GT(stuck_worker.posted_dropped(), 2900u);
    EXPECT_TRUE(eventually([&] { return done.load() > 2900; }));
    stuck.release();
    EXPECT_TRUE(eventually([&] { return done.load() == 4000; }));
    t.stop(true);
}

}  // namespace
}  // namespace starling::server::test
