#include "load/usage.h"

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace starling::load {
namespace {

uint64_t read_clock(clockid_t clock) noexcept {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(t.tv_nsec);
}

}  // namespace

uint64_t now_ns() noexcept { return read_clock(CLOCK_MONOTONIC); }

uint64_t own_cpu_ns() noexcept { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

void nap(uint64_t nanoseconds_max) noexcept {
    const timespec pause{0, static_cast<long>(std::min(nanoseconds_max, nap_ns_max))};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
}

uint64_t cpu_ns(const std::vector<int>& pids) {
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

uint64_t dirty_bytes(const std::vector<int>& pids, bool shared) {
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

uint64_t raise_descriptor_limit() noexcept {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

void Usage::restart() {
    server_ns_ = cpu_ns(server_pids_);
    client_ns_ = own_cpu_ns();
    clock_ns_ = now_ns();
}

void Usage::stop() {
    clock_ns_ = now_ns() - clock_ns_;
    client_ns_ = own_cpu_ns() - client_ns_;
    server_ns_ = cpu_ns(server_pids_) - server_ns_;
}

}  // namespace starling::load
