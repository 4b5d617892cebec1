#include "base/assert.h"

#include <gtest/gtest.h>

namespace starling::base {
namespace {

#if defined(STARLING_ASSERTIONS)
TEST(Assert, ABrokenInvariantEndsTheProcessAndIsNamed) {
    const int queued = 3;
    EXPECT_DEATH(STARLING_ASSERT(queued == 0 && "sent"), "assert_test.cpp:.*queued == 0");
}
#endif

TEST(Assert, AConditionThatHoldsIsEvaluatedOnceWhereAssertionsAreOn) {
    int calls = 0;
    STARLING_ASSERT(++calls > 0);
#if defined(STARLING_ASSERTIONS)
    EXPECT_EQ(calls, 1);
#else
    EXPECT_EQ(calls, 0);
#endif
}

}  // namespace
}  // namespace starling::base
