#include "net/make_backend.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <string>
#include <thread>

#include "net/loop.h"
#include "tests/fake/backends.h"
#include "tests/fake/sockets.h"

namespace starling::net {
namespace {

// Makes io_uring_setup() fail on this thread from here on, as the profiles of containers do.
bool forbid_uring(uint32_t error) {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
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
    for (const auto& one : cases)
        std::thread([&] {
            if (!forbid_uring(one.error)) return;
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
