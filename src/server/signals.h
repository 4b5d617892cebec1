// server/signals.h: SIGTERM, SIGINT and SIGHUP as values that the thread of Server::run() waits for,
// whichever thread of the process the kernel interrupts for them.
//
// A signal handler writes the signal's number into a pipe. The threads that are started while the
// signals are blocked, the workers among them, are never interrupted; a thread that was started before
// may see EINTR from a system call that cannot be restarted (signal(7)). Several Signals at a time, of
// several servers in a process, each get every signal. The destructor restores mask and handlers.
//
// Owner: Server::run(). Thread: the one that made it.
#pragma once

#include <signal.h>

#include <array>
#include <cstddef>

#include "base/descriptor.h"

namespace starling::server {

class Signals {
public:
    static constexpr std::array<int, 3> wanted{SIGTERM, SIGINT, SIGHUP};
    static constexpr size_t at_once_max = 16;  // Of a process.

    // Blocks the signals for this thread and those it starts. Throws std::system_error without a pipe,
    // std::runtime_error beyond at_once_max.
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // From now on this thread takes signals: after it has started those that must not.
    void unblock() noexcept;
    [[nodiscard]] int fd() const noexcept { return read_end_.get(); }  // Readable: a signal waits.
    [[nodiscard]] int take() noexcept;                                 // 0: none.

private:
    sigset_t before_{};
    base::Descriptor read_end_, write_end_;
    size_t slot_ = 0;
};

}  // namespace starling::server
