#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/task.h"

namespace starling::base {
namespace {

void run_all(TaskQueue& queue) {
    queue.drain([](Task& task) { task.run(); });
}

TEST(TaskQueue, RunsInTheOrderOfPushing) {
    TaskQueue queue;
    std::vector<int> ran;
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(queue.push(Task::of([&ran, i] { ran.push_back(i); })), i == 0);
    EXPECT_FALSE(queue.empty());
    run_all(queue);
    EXPECT_TRUE(queue.empty());
    ASSERT_EQ(ran.size(), 100u);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(ran[size_t(i)], i);
}

TEST(TaskQueue, SaysAgainThatItWasEmptyOnceItIsDrained) {
    TaskQueue queue;
    EXPECT_TRUE(queue.push(Task::of([] {})));
    EXPECT_FALSE(queue.push(Task::of([] {})));
    run_all(queue);
    EXPECT_TRUE(queue.push(Task::of([] {})));
}

TEST(TaskQueue, WhatATaskPushesWaitsForTheNextDrain) {
    TaskQueue queue;
    int ran = 0;
    (void)queue.push(Task::of([&] {
        ++ran;
        EXPECT_TRUE(queue.push(Task::of([&] { ++ran; })));
    }));
    run_all(queue);
    EXPECT_EQ(ran, 1);
    run_all(queue);
    EXPECT_EQ(ran, 2);
}

TEST(TaskQueue, TakesCallsThatOnlyMove) {
    TaskQueue queue;
    int value = 0;
    auto owned = std::make_unique<int>(7);
    (void)queue.push(Task::of([&value, owned = std::move(owned)] { value = *owned; }));
    run_all(queue);
    EXPECT_EQ(value, 7);
}

TEST(TaskQueue, FreesWhatNeverRan) {
    const auto witness = std::make_shared<int>(0);
    {
        TaskQueue queue;
        for (int i = 0; i < 3; ++i) (void)queue.push(Task::of([witness] { ++*witness; }));
        EXPECT_EQ(witness.use_count(), 4);
    }
    EXPECT_EQ(witness.use_count(), 1);
    EXPECT_EQ(*witness, 0);
}

TEST(TaskQueue, ManyProducersLoseNothingAndKeepTheirOwnOrder) {
    constexpr int producers = 4, tasks_each = 5000;
    TaskQueue queue;
    std::vector<std::vector<int>> ran(producers);
    std::vector<std::thread> threads;
    for (int producer = 0; producer < producers; ++producer)
        threads.emplace_back([&queue, &ran, producer] {
            for (int i = 0; i < tasks_each; ++i)
                (void)queue.push(
                    Task::of([&ran, producer, i] { ran[size_t(producer)].push_back(i); }));
        });
    const auto done = [&ran] {
        for (const auto& list : ran)
            if (list.size() < tasks_each) return false;
        return true;
    };
    while (!done()) run_all(queue);
    for (auto& thread : threads) thread.join();
    EXPECT_TRUE(queue.empty());
    for (const auto& list : ran)
        for (int i = 0; i < tasks_each; ++i) ASSERT_EQ(list[size_t(i)], i);
}

}  // namespace
}  // namespace starling::base
