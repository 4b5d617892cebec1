// server/signals.h: SIGTERM, SIGINT and SIGHUP as values that the thread of Server::run() waits for.
//
// Blocks them for this thread and those it starts, so that no handler interrupts a worker; restores
// the mask when it ends.
#pragma once

#include <signal.h>

#include "net/socket.h"

namespace starling::server {

class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }  // Readable: a signal waits.
    [[nodiscard]] int take() noexcept;                           // 0: none.

private:
    sigset_t before_{};
    net::Descriptor fd_;
};

}  // namespace starling::server
