// bench/process.h: what a process used, read from /proc: exact CPU time and private memory.
#pragma once

#include <time.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace starling::bench {

inline uint64_t now_ns() noexcept {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(t.tv_nsec);
}

// In place of a wait in epoll: what arrives meanwhile is read together, and its sender does not pay for
// waking this thread up.
inline void nap() noexcept {
    constexpr timespec pause{0, 200'000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
}

// Time on a CPU of all live threads, in user mode and in the kernel, in nanoseconds as the
// scheduler counts it (schedstat; /proc/PID/stat knows only ticks of 10 ms). What the kernel does
// in soft interrupts on behalf of a sender counts for the sender.
inline uint64_t cpu_ns(const std::vector<int>& pids) {
    uint64_t sum = 0;
    std::error_code error;
    for (const int pid : pids) {
        const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
        for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
            std::ifstream file(task.path() / "schedstat");
            uint64_t on_cpu = 0;
            if (file >> on_cpu) sum += on_cpu;
        }
    }
    return sum;
}

inline uint64_t own_cpu_ns() noexcept {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(t.tv_nsec);
}

// Pages that these processes alone have written: heap, stacks and static data. With `shared`, also those
// that they share with their relatives: nginx keeps its channels in shared memory.
inline uint64_t dirty_bytes(const std::vector<int>& pids, bool shared) {
    uint64_t sum_kib = 0;
    for (const int pid : pids) {
        std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
        std::string word;
        for (uint64_t kib = 0; file >> word;)
            if ((word == "Private_Dirty:" || (shared && word == "Shared_Dirty:")) && file >> kib)
                sum_kib += kib;
    }
    return sum_kib * 1024;
}

// The CPU time of server and client, and the clock, between two moments.
class Usage {
public:
    explicit Usage(const std::vector<int>& server_pids) : server_pids_(server_pids) { restart(); }

    void restart() {
        server_ns_ = cpu_ns(server_pids_);
        client_ns_ = own_cpu_ns();
        clock_ns_ = now_ns();
    }

    void stop() {
        clock_ns_ = now_ns() - clock_ns_;
        client_ns_ = own_cpu_ns() - client_ns_;
        server_ns_ = cpu_ns(server_pids_) - server_ns_;
    }

    double seconds() const noexcept { return static_cast<double>(clock_ns_) / 1e9; }
    double server_seconds() const noexcept { return static_cast<double>(server_ns_) / 1e9; }
    double client_seconds() const noexcept { return static_cast<double>(client_ns_) / 1e9; }

private:
    std::vector<int> server_pids_;
    uint64_t server_ns_ = 0, client_ns_ = 0, clock_ns_ = 0;
};

}  // namespace starling::bench
