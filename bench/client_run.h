// bench/client_run.h: what the clients that are compared have in common: their arguments, what they
// count, and the line of JSON that they print.
//
//   client_NAME echo  PORT CONNECTIONS IN_FLIGHT SECONDS   each connection keeps messages in flight
//   client_NAME idle  PORT CONNECTIONS                     one message each, then the growth of the heap
//                                                          since the first 50 had theirs
//   client_NAME storm PORT CONNECTIONS                     opens and closes them, 50 at once
#pragma once

#include <malloc.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace starling::bench {

inline constexpr uint64_t at_once_max = 50;  // Connections that are being opened; of `storm`, all.
inline constexpr double warmup_seconds = 0.5;

struct ClientRun {
    std::string mode;
    uint16_t port = 0;
    int connections = 0, in_flight = 1;
    double seconds = 2;
    std::string payload = std::string(64, 'x');
    [[nodiscard]] bool is(std::string_view name) const { return mode == name; }
};

// What `idle` does after a message. `begin`: begins to measure, and opens at_once_max connections, since
// the first ones have made what connections share.
enum class IdleStep { begin, next, end };
[[nodiscard]] inline IdleStep idle_step(const ClientRun& run, uint64_t done) {
    if (done == static_cast<uint64_t>(run.connections)) return IdleStep::end;
    return done == at_once_max ? IdleStep::begin : IdleStep::next;
}

inline ClientRun client_run(int count, char** arguments) {
    if (count < 4) {
        std::fprintf(stderr, "usage: %s echo|idle|storm PORT CONNECTIONS [IN_FLIGHT [SECONDS]]\n",
                     arguments[0]);
        std::exit(2);
    }
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    ClientRun run;
    run.mode = arguments[1];
    run.port = static_cast<uint16_t>(std::atoi(arguments[2]));
    run.connections = std::atoi(arguments[3]);
    if (count > 4) run.in_flight = std::atoi(arguments[4]);
    if (count > 5) run.seconds = std::atof(arguments[5]);
    return run;
}

inline double clock_seconds(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

inline size_t heap_bytes() {
    const auto info = ::mallinfo2();  // In arenas, and in separate mappings.
    return info.uordblks + info.hblkhd;
}

// What the process used between begin() and print().
class ClientUsage {
public:
    void begin(uint64_t done) {
        done_ = done;
        heap_ = heap_bytes();
        cpu_ = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
        clock_ = clock_seconds(CLOCK_MONOTONIC);
    }
    // `done`: messages or connections. `count`: connections since begin(), if the heap matters.
    void print(uint64_t done, uint64_t count = 0) const {
        const double cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_;
        const double seconds = clock_seconds(CLOCK_MONOTONIC) - clock_;
        const auto did = static_cast<double>(done - done_);
        std::printf("{\"client_us\": %.4f, \"per_second\": %.1f, \"client_busy\": %.4f",
                    did > 0 ? cpu * 1e6 / did : 0.0, did / seconds, cpu / seconds);
        if (count > 0)
            std::printf(", \"heap_bytes\": %.1f",
                        (static_cast<double>(heap_bytes()) - static_cast<double>(heap_)) /
                            static_cast<double>(count));
        std::printf("}\n");
        std::fflush(stdout);
    }

private:
    uint64_t done_ = 0;
    size_t heap_ = 0;
    double cpu_ = 0, clock_ = 0;
};

}  // namespace starling::bench
