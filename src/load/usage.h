// load/usage.h: what processes used, read from the kernel: time, CPU time, memory.
//
// Thread: any.
#pragma once

#include <cstdint>
#include <vector>

namespace starling::load {

[[nodiscard]] uint64_t now_ns() noexcept;  // Never goes back.

// Sleeps for at most 200 µs, in place of a wait in epoll: what arrives meanwhile is read together,
// and its sender does not pay for waking this thread up.
inline constexpr uint64_t nap_ns_max = 200'000;
void nap(uint64_t nanoseconds_max = nap_ns_max) noexcept;

// Time on a CPU of all live threads of these processes, in user mode and in the kernel, as the
// scheduler counts it (schedstat; /proc/PID/stat knows only ticks of 10 ms). What the kernel does
// in soft interrupts on behalf of a sender counts for the sender.
[[nodiscard]] uint64_t cpu_ns(const std::vector<int>& pids);
[[nodiscard]] uint64_t own_cpu_ns() noexcept;

// Pages that these processes alone have written: heap, stacks and static data. With `shared`, also
// those that they share with their relatives: nginx keeps its channels in shared memory.
[[nodiscard]] uint64_t dirty_bytes(const std::vector<int>& pids, bool shared);

// Raises the limit of descriptors as far as this user may, and returns it.
uint64_t raise_descriptor_limit() noexcept;

// The CPU time of server and load generator, and the clock, between two moments.
class Usage {
public:
    explicit Usage(const std::vector<int>& server_pids) : server_pids_(server_pids) { restart(); }

    void restart();
    void stop();

    [[nodiscard]] double seconds() const noexcept { return static_cast<double>(clock_ns_) / 1e9; }
    [[nodiscard]] double server_seconds() const noexcept {
        return static_cast<double>(server_ns_) / 1e9;
    }
    [[nodiscard]] double client_seconds() const noexcept {
        return static_cast<double>(client_ns_) / 1e9;
    }

private:
    std::vector<int> server_pids_;
    uint64_t server_ns_ = 0, client_ns_ = 0, clock_ns_ = 0;
};

}  // namespace starling::load
