#include "server/admin/history.h"

#include <gtest/gtest.h>

#include "server/admin/connection_id.h"

namespace starling::server {
namespace {

FigureHistory::Sample sample(float value) {
    FigureHistory::Sample all;
    all.fill(value);
    return all;
}

TEST(FigureHistory, KeepsTenMinutesOfSecondsAndAnHourOfMeans) {
    FigureHistory history;
    for (uint64_t second = 1; second <= 5000; ++second)
        history.add(second, sample(static_cast<float>(second % 10)));
    const auto fine = history.fine(), coarse = history.coarse();
    ASSERT_EQ(fine.size(), 600u);
    EXPECT_EQ(fine.front().second, 4401u);
    EXPECT_EQ(fine.back().second, 5000u);
    ASSERT_EQ(coarse.size(), 360u);
    EXPECT_EQ(coarse.front().second, 1410u);
    EXPECT_EQ(coarse.back().second, 5000u);
    for (const auto& entry : coarse) EXPECT_FLOAT_EQ(entry.sample[0], 4.5F);
}

TEST(FigureHistory, IsShortAtFirst) {
    FigureHistory history;
    EXPECT_TRUE(history.fine().empty());
    for (uint64_t second = 1; second <= 9; ++second) history.add(second, sample(1));
    EXPECT_EQ(history.fine().size(), 9u);
    EXPECT_TRUE(history.coarse().empty());
    history.add(10, sample(11));
    ASSERT_EQ(history.coarse().size(), 1u);
    EXPECT_FLOAT_EQ(history.coarse()[0].sample[3], 2.0F);
}

TEST(ConnectionId, IsTextAndBack) {
    const ConnectionId id{3, {17, 42}};
    EXPECT_EQ(id.text(), "3-17-42");
    EXPECT_EQ(ConnectionId::parse("3-17-42"), id);
    for (const char* wrong : {"", "3", "3-17", "3-17-", "3-17-42-", "3-17-42 ", "-3-17-42", "a-b-c",
                              "3-17-99999999999", "3.17.42"})
        EXPECT_EQ(ConnectionId::parse(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace starling::server
