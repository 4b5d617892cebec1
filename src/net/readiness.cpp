#include "net/readiness.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>

#include "net/acceptor.h"
#include "net/stream.h"
#include "net/system_calls.h"
#include "net/watch.h"

namespace starling::net {

ReadinessBackend::ReadinessBackend(bool reads_later)
    : Backend(reads_later),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!epoll_ || !wake_) throw std::system_error(errno, std::system_category(), "epoll");
}

size_t ReadinessBackend::unacknowledged_bytes(const Stream& stream) const noexcept {
    return system_calls::unacknowledged(stream.fd());
}

std::error_code ReadinessBackend::listen(Acceptor& acceptor) {
    // Exclusive: wakes only one of the workers that share a Unix-domain socket.
    epoll_event event{EPOLLIN | EPOLLEXCLUSIVE, {.u64 = tagged(acceptor)}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, acceptor.fd(), &event) == 0) return {};
    return {errno, std::system_category()};
}

void ReadinessBackend::unlisten(Acceptor& acceptor) noexcept {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, acceptor.fd(), nullptr);
    if (accepting_ == &acceptor) accepting_ = nullptr;
    drop_events(tagged(acceptor));
}

std::error_code ReadinessBackend::watch(Watch& watch) noexcept {
    epoll_event event{0, {.u64 = tagged(watch)}};
    if (watch.interest().readable) event.events |= EPOLLIN;
    if (watch.interest().writable) event.events |= EPOLLOUT;
    if (event.events == 0) {  // Within the set it would still report errors.
        unwatch(watch, false);
        return {};
    }
    const int operation = watch.in_kernel ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    watch.in_kernel = ::epoll_ctl(epoll_.get(), operation, watch.fd(), &event) == 0;
    if (watch.in_kernel) return {};
    return {errno, std::system_category()};
}

void ReadinessBackend::unwatch(Watch& watch, bool closed) noexcept {
    // Closing the descriptor has removed it from the set.
    if (watch.in_kernel && !closed) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch.fd(), nullptr);
    watch.in_kernel = false;
    drop_events(tagged(watch));
}

Backend::Sent ReadinessBackend::send_at_once(int fd, std::span<const iovec> parts) noexcept {
    ssize_t taken = 0;
    if (parts.size() == 1) {  // Cheaper than sendmsg().
        taken = system_calls::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
    } else {
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(parts.data());
        message.msg_iovlen = parts.size();
        taken = system_calls::sendmsg(fd, &message, MSG_NOSIGNAL);
    }
    if (taken < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) return {.error = errno};
    const size_t bytes = taken > 0 ? static_cast<size_t>(taken) : 0;
    traffic_.sent_bytes += bytes;
    return {.bytes = bytes};
}

void ReadinessBackend::wake() noexcept {
    const uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
}

void ReadinessBackend::find_events(int timeout_ms) noexcept {
    count_ = std::max(
        ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout_ms),
        0);
}

// The tagged object may be destroyed from now on, so its events in the current batch are cleared.
void ReadinessBackend::drop_events(uint64_t tag) noexcept {
    for (epoll_event& event : std::span(events_).first(static_cast<size_t>(count_)))
        if (event.data.u64 == tag) event.data.u64 = 0;
}

void ReadinessBackend::report_watch(Watch& watch, uint32_t events) {
    const bool over = events & (EPOLLERR | EPOLLHUP);
    watch.ready(over || events & EPOLLIN, over || events & EPOLLOUT);
}

void ReadinessBackend::accept(Acceptor& acceptor) {
    accepting_ = &acceptor;
    for (int i = 0; i < accepts_per_tick_max && accepting_; ++i) {
        const int fd = ::accept4(acceptor.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            acceptor.accepted(Descriptor(fd));
        } else if (errno == ECONNABORTED || errno == EINTR) {
            continue;
        } else {
            if (errno != EAGAIN) acceptor.failed(errno);
            break;
        }
    }
    accepting_ = nullptr;
}

}  // namespace starling::net
