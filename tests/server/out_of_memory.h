// tests/server/out_of_memory.h: workers whose k-th allocation fails.
//
// out_of_memory_test.cpp replaces operator new for the program.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/block_cache.h"
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
    // them. `check` runs after each: other clients must be served. Each failure is one line in the log; lines that
    // count what came of it may follow.
    void fail_each(const std::function<void()>& scenario, const std::function<void()>& check) {
        uint64_t number = 1;
        size_t told_before = 0;
        for (bool failed = true; failed && !HasFatalFailure(); ++number) {
            ASSERT_LT(number, 2000u);
            on_worker([number] {
                // The list of kept blocks is there: where it is not, a block is freed without a word.
                base::give_block_back(base::take_block(base::BlockCache::block_bytes_min));
                fake::fail_allocation(number);
            });
            workers_.site.change_http(hasty());
            scenario();
            on_worker([&failed] {
                failed = fake::allocation_failed();
                fake::fail_allocation(0);
            });
            workers_.site.change_http({});  // A busy machine must not look like a slow client.
            check();
            const size_t told = lines_of_bad_alloc();
            EXPECT_EQ(told - told_before, failed ? 1u : 0u)
                << "allocation " << number << ": " << workers_.log->lines.text();
            told_before = told;
        }
        EXPECT_GT(number, 3u);
        EXPECT_TRUE(workers_.all_gone());
    }

    [[nodiscard]] size_t lines_of_bad_alloc() {
        const std::string text = workers_.log->lines.text();
        size_t found = 0;
        for (size_t at = 0; (at = text.find("std::bad_alloc", at)) != text.npos; ++at) ++found;
        return found;
    }

    // A promised answer or a handshake that failed on the server must not delay the test.
    static HttpLimits hasty() {
        return {.head_timeout = std::chrono::milliseconds(500),
                .answer_timeout = std::chrono::milliseconds(300)};
    }
    TestTeam workers_;
};

}  // namespace starling::server::test
