#include "base/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

namespace starling::base {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

int opened() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(Descriptor, HoldsNoneAtFirst) {
    const Descriptor none;
    EXPECT_FALSE(none);
    EXPECT_EQ(none.get(), -1);
}

TEST(Descriptor, IsClosedOnceByItsLastOwner) {
    const int fd = opened();
    {
        Descriptor first(fd);
        Descriptor second(std::move(first));
        EXPECT_FALSE(first);
        EXPECT_EQ(second.get(), fd);
        first = std::move(second);
        EXPECT_FALSE(second);
        EXPECT_TRUE(is_open(fd));
    }
    EXPECT_FALSE(is_open(fd));
}

TEST(Descriptor, AssigningClosesTheOneThatWasHeld) {
    const int before = opened();
    Descriptor held(before);
    const int after = opened();
    held = Descriptor(after);
    EXPECT_FALSE(is_open(before));
    EXPECT_EQ(held.get(), after);
    held.reset();
    held.reset();
    EXPECT_FALSE(is_open(after));
}

TEST(Descriptor, ReleaseGivesTheDescriptorAwayOpen) {
    Descriptor held(opened());
    const int fd = held.release();
    EXPECT_FALSE(held);
    EXPECT_TRUE(is_open(fd));
    Descriptor again(fd);
}

}  // namespace
}  // namespace starling::base
