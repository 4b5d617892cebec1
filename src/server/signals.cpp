#include "server/signals.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <stdexcept>
#include <system_error>

namespace starling::server {
namespace {

// State for the signal handler. It has no argument that could name an object, so the state is
// global.
struct Slot {
    std::atomic<int> write_end{-1};
};
static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");
constinit std::array<Slot, Signals::at_once_max> slots;
constinit std::atomic<int> handlers_running{0};

// The signal actions before the first Signals of the process.
struct Before {
    std::mutex mutex;
    std::array<size_t, Signals::wanted.size()> users{};
    std::array<struct sigaction, Signals::wanted.size()> actions{};
};
constinit Before before;

void handle(int signal) {
    const int error = errno;
    handlers_running.fetch_add(1);
    const auto byte = static_cast<unsigned char>(signal);
    for (const Slot& slot : slots) {
        const int fd = slot.write_end.load();
        // A full pipe already holds thousands of signals.
        if (fd >= 0) (void)!::write(fd, &byte, 1);
    }
    handlers_running.fetch_sub(1);
    errno = error;
}

size_t take_slot(int write_end) {
    for (size_t i = 0; i < slots.size(); ++i) {
        int none = -1;
        if (slots[i].write_end.compare_exchange_strong(none, write_end)) return i;
    }
    throw std::runtime_error("too many servers that handle signals in one process");
}

}  // namespace

sigset_t Signals::wanted_set() const noexcept {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count_; ++i) sigaddset(&set, wanted[i]);
    return set;
}

Signals::Signals(bool user_signals) : count_(user_signals ? wanted.size() : usual) {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "a pipe for signals");
    read_end_ = base::Descriptor(ends[0]);
    write_end_ = base::Descriptor(ends[1]);
    const std::lock_guard lock(before.mutex);
    slot_ = take_slot(write_end_.get());
    const sigset_t set = wanted_set();
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    struct sigaction action {};
    action.sa_handler = &handle;
    action.sa_mask = set;
    action.sa_flags = SA_RESTART;
    for (size_t i = 0; i < count_; ++i)
        if (before.users[i]++ == 0) ::sigaction(wanted[i], &action, &before.actions[i]);
}

Signals::~Signals() {
    unblock();  // Pending signals are handled here, not by the previous actions.
    {
        const std::lock_guard lock(before.mutex);
        for (size_t i = 0; i < count_; ++i)
            if (--before.users[i] == 0) ::sigaction(wanted[i], &before.actions[i], nullptr);
    }
    slots[slot_].write_end.store(-1);
    // A handler on another thread may still use the descriptor, which is closed after this.
    while (handlers_running.load() > 0) ::sched_yield();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Signals::unblock() noexcept {
    const sigset_t set = wanted_set();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

int Signals::take() noexcept {
    unsigned char signal = 0;
    return ::read(read_end_.get(), &signal, 1) == 1 ? signal : 0;
}

}  // namespace starling::server
