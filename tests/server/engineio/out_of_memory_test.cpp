// Each allocation that the end of an Engine.IO session makes fails once: the session ends all the same, and
// nothing of it is left. The leak checker says whether its memory is freed.
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/fake/engine_model.h"
#include "tests/fake/failing_memory.h"

namespace starling::server::test {
namespace {

TEST(OutOfMemoryEngine, ASessionEndsAndItsHandlerIsTold) {
    uint64_t number = 1;
    for (bool failed = true; failed; ++number) {
        EngineModel model;
        model.open(false);
        for (const auto step : {EngineStep::attach, EngineStep::probe, EngineStep::upgrade}) {
            model.run(step);
            model.settle();
        }
        ASSERT_TRUE(model.on_websocket());
        model.run(EngineStep::close_socket);
        fake::fail_allocation(number);
        model.settle();
        failed = fake::allocation_failed();
        fake::fail_allocation(0);
        EXPECT_FALSE(model.has_session()) << number;
        model.end();
    }
    EXPECT_GT(number, 2u);
}

TEST(OutOfMemoryEngine, ASessionWithAPendingPollEnds) {
    uint64_t number = 1;
    for (bool failed = true; failed; ++number) {
        EngineModel model;
        model.open(false);
        model.run(EngineStep::poll);
        model.settle();
        fake::fail_allocation(number);
        model.run(EngineStep::server_closes);
        failed = fake::allocation_failed();
        fake::fail_allocation(0);
        EXPECT_FALSE(model.has_session()) << number;
        model.settle();
        model.end();
    }
    EXPECT_GT(number, 2u);
}

}  // namespace
}  // namespace starling::server::test
