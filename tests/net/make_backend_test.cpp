#include "net/make_backend.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <string>
#include <thread>

#include "net/loop.h"
#include "tests/fake/backends.h"
#include "tests/fake/refused_calls.h"
#include "tests/fake/sockets.h"

namespace starling::net {
namespace {

TEST(MakeBackend, EpollIsRefusedNothing) {
    const ChosenIo chosen = choose_io(Io::epoll);
    EXPECT_EQ(chosen.io, Io::epoll);
    EXPECT_EQ(chosen.refused, "");
}

TEST(MakeBackend, UringIsUsedWhereTheKernelHasIt) {
    if (!fake::has_uring()) GTEST_SKIP() << "no io_uring here";
    const ChosenIo chosen = choose_io(Io::io_uring);
    EXPECT_EQ(chosen.io, Io::io_uring);
    EXPECT_EQ(chosen.refused, "");
    EXPECT_TRUE(make_backend(Io::io_uring)->reads_later());
}

TEST(MakeBackend, ASandboxThatForbidsItIsNamedAndEpollServes) {
    struct {
        uint32_t error;
        const char* reason;
    } const cases[] = {
        {EPERM, "a sandbox or kernel.io_uring_disabled forbids it (Operation not permitted)"},
        {ENOSYS, "the kernel has none, or a sandbox hides it (Function not implemented)"},
        {EINVAL, "the kernel is older than Linux 6.1 (Invalid argument)"},
        {ENOMEM, "Cannot allocate memory"},
    };
    for (const auto& one : cases)
        std::thread([&] {
            if (!fake::refuse_call(__NR_io_uring_setup, one.error)) return;
            const ChosenIo chosen = choose_io(Io::io_uring);
            EXPECT_EQ(chosen.io, Io::epoll);
            EXPECT_EQ(chosen.refused, one.reason);
            Loop loop(make_backend(Io::io_uring));
            EXPECT_FALSE(loop.backend().reads_later());
            fake::run_ticks(loop, 1);
        }).join();
}

}  // namespace
}  // namespace starling::net
