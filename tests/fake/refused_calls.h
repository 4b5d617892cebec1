// tests/fake/refused_calls.h: makes a system call of this thread fail, as the profiles of containers do.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace starling::fake {

// From here on the call `number` fails with `error` on this thread. With `second` it fails only if that is its second
// argument. False: the kernel does not allow this here.
inline bool refuse_call(uint32_t number, uint32_t error, std::optional<uint32_t> second = {}) {
    const uint8_t to_the_end = second ? 3 : 1;
    std::vector<sock_filter> program = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, to_the_end),
    };
    if (second) {
        program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])));
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, *second, 0, 1));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace starling::fake
