// server/signals.h: turns SIGTERM, SIGINT, SIGHUP and others into values that the thread of Server::run()
// reads, whichever thread of the process gets the signal.
//
// A signal handler writes the signal's number into a pipe. Threads that are started while the
// signals are blocked, such as the workers, are never interrupted; a thread started before may get
// EINTR from a system call that cannot be restarted (signal(7)). If several servers of a process
// have a Signals each, each of them gets every signal. The destructor restores the signal mask and
// the handlers.
//
// Owner: Server::run(). Thread: the one that made the object.
#pragma once

#include <signal.h>

#include <array>
#include <cstddef>

#include "base/descriptor.h"

namespace starling::server {

class Signals {
public:
    static constexpr size_t usual = 3;  // The first ones.
    static constexpr std::array<int, 5> wanted{SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    static constexpr size_t at_once_max = 16;  // For the whole process.

    // Blocks the signals for this thread and the threads that it starts. Throws std::system_error
    // if no pipe can be made, std::runtime_error beyond at_once_max.
    explicit Signals(bool user_signals = false);  // SIGUSR1 and SIGUSR2 as well.
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // This thread now takes signals. Call it after starting the threads that must not take them.
    void unblock() noexcept;
    // Readable while a signal waits.
    [[nodiscard]] int fd() const noexcept { return read_end_.get(); }
    [[nodiscard]] int take() noexcept;  // 0: no signal.

private:
    [[nodiscard]] sigset_t wanted_set() const noexcept;

    const size_t count_;  // Of `wanted`.
    sigset_t before_{};
    base::Descriptor read_end_, write_end_;
    size_t slot_ = 0;
};

}  // namespace starling::server
