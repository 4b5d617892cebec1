#include "net/make_backend.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <thread>

#include "net/loop.h"
#include "tests/fake/backends.h"
#include "tests/fake/refused_calls.h"
#include "tests/fake/sockets.h"

namespace starling::net {
namespace {

// A sandbox answers the call `number` with `error`.
void expect_epoll(uint32_t number, uint32_t error, const std::string& reason) {
    std::thread([&] {
        if (!fake::refuse_call(number, error)) return;
        const ChosenIo chosen = choose_io(Io::io_uring);
        EXPECT_EQ(chosen.io, Io::epoll) << number;
        EXPECT_EQ(chosen.refused, reason) << number;
        Loop loop(make_backend(Io::io_uring));
        EXPECT_FALSE(loop.backend().reads_later());
        fake::run_ticks(loop, 1);
    }).join();
}

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
    for (const auto& one : cases) {
        expect_epoll(__NR_io_uring_setup, one.error, one.reason);
        expect_epoll(__NR_io_uring_register, one.error, one.reason);
        expect_epoll(__NR_io_uring_enter, one.error, one.reason);
    }
}

}  // namespace
}  // namespace starling::net
