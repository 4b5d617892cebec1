#include "auth/attempts.h"

#include <gtest/gtest.h>

#include <string>

namespace starling::auth {
namespace {

const auto address = peer::ClientNetwork::of("192.0.2.1");

TEST(AuthAttempts, FiveWrongOnesWaitAMinute) {
    Attempts attempts;
    for (unsigned i = 0; i < Attempts::wrong_max; ++i) {
        EXPECT_EQ(attempts.wait_of(address, 1000), 0u);
        attempts.wrong(address, 1000);
    }
    EXPECT_EQ(attempts.wait_of(address, 1000), 60'000u);
    EXPECT_EQ(attempts.wait_of(address, 60'999), 1u);
    EXPECT_EQ(attempts.wait_of(peer::ClientNetwork::of("192.0.2.2"), 1000), 0u);
    EXPECT_EQ(attempts.wait_of(address, 61'000), 0u);
}

TEST(AuthAttempts, ARightOneAndOneTakenBackDoNotCount) {
    Attempts attempts;
    for (int i = 0; i < 100; ++i) {
        attempts.wrong(address, 1000);
        attempts.take_back(address);
    }
    EXPECT_EQ(attempts.wait_of(address, 1000), 0u);
    for (unsigned i = 0; i < Attempts::wrong_max; ++i) attempts.wrong(address, 1000);
    EXPECT_GT(attempts.wait_of(address, 1000), 0u);
    attempts.take_back(address);
    EXPECT_EQ(attempts.wait_of(address, 1000), 0u);
    attempts.wrong(address, 1000);
    attempts.right(address);
    attempts.take_back(address);  // Of an address that is not known: nothing.
    EXPECT_EQ(attempts.wait_of(address, 1000), 0u);
}

// The clock of one worker may be behind that of another one.
TEST(AuthAttempts, AnEarlierTimeForgetsNobody) {
    Attempts attempts;
    for (unsigned i = 0; i < Attempts::wrong_max; ++i) attempts.wrong(address, 1000);
    for (size_t i = 1; i < Attempts::addresses_max; ++i)
        attempts.wrong(peer::ClientNetwork::of("10.0." + std::to_string(i / 256) + "." +
                                               std::to_string(i % 256)),
                       1000);
    attempts.wrong(peer::ClientNetwork::of("203.0.113.1"), 999);
    // Only one made room. It is the first in order, 10.0.0.1, and not this address.
    EXPECT_EQ(attempts.wait_of(address, 999), 60'000u);
}

}  // namespace
}  // namespace starling::auth
