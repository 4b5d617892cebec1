#include "server/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace starling::server {

Signals::Signals() {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&wanted, signal);
    pthread_sigmask(SIG_BLOCK, &wanted, &before_);
    fd_ = net::Descriptor(::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
}

Signals::~Signals() {
    while (take() != 0) {  // Not to be delivered when the mask is restored.
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int Signals::take() noexcept {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != sizeof info) return 0;
    return int(info.ssi_signo);
}

}  // namespace starling::server
