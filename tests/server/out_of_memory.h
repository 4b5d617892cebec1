// tests/server/out_of_memory.h: workers whose k-th allocation fails.
//
// out_of_memory_test.cpp replaces operator new for the program.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

#include "tests/fake/failing_memory.h"
#include "tests/server/worker_group_fixture.h"

namespace starling::server::test {

class FailingAllocations : public ::testing::Test {
protected:
    // Runs a call on the worker's thread without an allocation there.
    template <class F>
    void on_worker(F&& call) {
        std::atomic<bool> done = false;
        workers_.group.workers[0]->post([&] {
            call();
            done = true;
        });
        ASSERT_TRUE(eventually([&] { return done.load(); }));
    }
    // Makes the worker's first allocation fail, then the second, until the scenario has no more of
    // them. `check` runs after each: other clients must be served.
    void fail_each(const std::function<void()>& scenario, const std::function<void()>& check) {
        uint64_t number = 1;
        for (bool failed = true; failed && !HasFatalFailure(); ++number) {
            ASSERT_LT(number, 2000u);
            on_worker([number] { fake::fail_allocation(number); });
            scenario();
            on_worker([&failed] {
                failed = fake::allocation_failed();
                fake::fail_allocation(0);
            });
            check();
        }
        EXPECT_GT(number, 3u);
        EXPECT_TRUE(workers_.all_gone());
    }

    // A promised answer or a handshake that failed on the server must not delay the test.
    TestTeam workers_{[] {
        ServerOptions options;
        options.http.answer_timeout = std::chrono::milliseconds(300);
        options.http.head_timeout = std::chrono::milliseconds(500);
        return options;
    }()};
};

}  // namespace starling::server::test
