#include "app/signals.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace starling::app {

Signals::Signals(ClientLoop& loop, std::initializer_list<int> signals,
                 std::function<void(int)> call)
    : loop_(loop) {
    sigset_t wanted;
    ::sigemptyset(&wanted);
    for (const int signal : signals) ::sigaddset(&wanted, signal);
    ::pthread_sigmask(SIG_BLOCK, &wanted, &before_);
    descriptor_ = base::Descriptor(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!descriptor_) {
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        throw std::system_error(errno, std::generic_category(), "signalfd");
    }
    watch_ = loop_.watch(descriptor_.get(), {.readable = true},
                         [this, call = std::move(call)](ClientLoop::Readiness) {
                             signalfd_siginfo info;
                             if (::read(descriptor_.get(), &info, sizeof info) == sizeof info)
                                 call(static_cast<int>(info.ssi_signo));
                         });
}

Signals::~Signals() { stop_watching(); }

void Signals::stop_watching() {
    if (watch_ == 0) return;
    loop_.unwatch(std::exchange(watch_, 0));
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace starling::app
