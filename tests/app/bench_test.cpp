// The line of progress of `starling bench`.
#include "app/bench/bench.h"

#include <gtest/gtest.h>

#include <string>

namespace {

using starling::app::progress_line;
using starling::load::LoadTest;
using starling::load::Phase;

TEST(BenchProgress, FitsTheTerminal) {
    const LoadTest::Seen before{Phase::measure, 1000, 0, 50}, now{Phase::measure, 110'000, 2, 48};
    const std::string line = "measuring: 48 connections, 218,000/s, 2 errors",
                      narrow = "48 open, 218,000/s, 2 errors";
    struct {
        size_t columns;
        std::string shown;
    } const cases[] = {
        {0, line},
        {80, line},
        {47, line},
        {46, narrow},
        {40, narrow},
        {29, narrow},
        {28, narrow.substr(0, 27)},
        {1, ""},
    };
    for (const auto& one : cases)
        EXPECT_EQ(progress_line(before, now, 0.5, one.columns), one.shown) << one.columns;
}

}  // namespace
