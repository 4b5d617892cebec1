// net/epoll_backend.cpp: the epoll backend. Level-triggered, with one read per ready connection and
// tick, so that no connection starves the others.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "net/acceptor.h"
#include "net/backend.h"
#include "net/stream.h"
#include "net/system_calls.h"
#include "net/watch.h"

namespace starling::net {

class EpollBackend final : public Backend {
public:
    EpollBackend()
        : Backend(false),
          epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
          buffer_(receive_headroom_bytes + receive_bytes_max) {
        if (!epoll_ || !wake_) throw std::system_error(errno, std::system_category(), "epoll");
        // Edge-triggered: each write is a new event, so the counter need not be read.
        epoll_event event{EPOLLIN | EPOLLET, {.ptr = nullptr}};
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
    }

    std::error_code add(Stream& stream) override {
        stream.backend_flags_ = added | receiving;
        return control(EPOLL_CTL_ADD, stream);
    }

    // Also if the descriptor is closed next: that removes it from the set only when nobody else has a
    // copy of it, and a child process has one between fork() and exec().
    bool remove(Stream& stream, bool /*closing*/) noexcept override {
        const bool in_set = !(std::exchange(stream.backend_flags_, uint8_t{0}) & hung_up);
        if (in_set) (void)control(EPOLL_CTL_DEL, stream);
        return false;
    }

    void receive(Stream& stream, bool on) noexcept override { set_flag(stream, receiving, on); }

    // A pending send keeps no bytes: once the kernel has room it completes with 0 bytes taken.
    Sent send(Stream& stream, std::span<const iovec> parts) noexcept override {
        if (stream.backend_flags_ & full) {
            set_flag(stream, sending, true);
            return {.pending = true};
        }
        size_t offered = 0;
        for (const iovec& part : parts) offered += part.iov_len;
        const ssize_t taken = send_parts(stream.fd(), parts);
        if (taken < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
            return {.error = errno};
        const size_t bytes = taken > 0 ? static_cast<size_t>(taken) : 0;
        if (bytes < offered) stream.backend_flags_ |= full;
        traffic_.sent_bytes += bytes;
        return {.bytes = bytes};
    }

    Sent ask(Stream&) noexcept override { return {.pending = true}; }

    size_t unacknowledged_bytes(const Stream& stream) const noexcept override {
        return system_calls::unacknowledged(stream.fd());
    }

    std::error_code listen(Acceptor& acceptor) override {
        // Exclusive: wakes only one of the workers that share a Unix-domain socket.
        epoll_event event{EPOLLIN | EPOLLEXCLUSIVE, {.u64 = tagged(acceptor)}};
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, acceptor.fd(), &event) == 0) return {};
        return {errno, std::system_category()};
    }

    void unlisten(Acceptor& acceptor) noexcept override {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, acceptor.fd(), nullptr);
        if (accepting_ == &acceptor) accepting_ = nullptr;
        drop_events(tagged(acceptor));
    }

    std::error_code watch(Watch& watch) noexcept override {
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

    void unwatch(Watch& watch, bool closed) noexcept override {
        // Closing the descriptor has removed it from the set.
        if (watch.in_kernel && !closed)
            ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch.fd(), nullptr);
        watch.in_kernel = false;
        drop_events(tagged(watch));
    }

    void wait(int timeout_ms) override {
        count_ = std::max(::epoll_wait(epoll_.get(), events_.data(),
                                       static_cast<int>(events_.size()), timeout_ms),
                          0);
    }

    void dispatch() override {
        for (int i = 0; i < count_; ++i) {
            const epoll_event event = events_[static_cast<size_t>(i)];
            if (event.data.u64 & acceptor_tag)
                accept(*untagged<Acceptor>(event.data.u64, acceptor_tag));
            else if (event.data.u64 & watch_tag)
                report(*untagged<Watch>(event.data.u64, watch_tag), event.events);
            else if (event.data.ptr)
                report(*static_cast<Stream*>(event.data.ptr), event.events);
        }
        count_ = 0;
    }

    void wake() noexcept override {
        const uint64_t one = 1;
        (void)!::write(wake_.get(), &one, sizeof one);
    }

private:
    // Bits of Stream::backend_flags_. `sending`: a send is pending. `hung_up`: removed from the
    // set, which would report the stream for ever. `full`: the kernel did not take all of the last
    // send.
    static constexpr uint8_t receiving = 1, sending = 2, added = 4, hung_up = 8, end_reported = 16,
                             full = 32;
    static constexpr uint64_t acceptor_tag = 1, watch_tag = 2;
    static constexpr int accepts_per_tick_max = 64;

    static uint64_t tagged(Acceptor& acceptor) noexcept {
        return reinterpret_cast<uint64_t>(&acceptor) | acceptor_tag;
    }
    static uint64_t tagged(Watch& watch) noexcept {
        return reinterpret_cast<uint64_t>(&watch) | watch_tag;
    }
    template <class T>
    static T* untagged(uint64_t data, uint64_t tag) noexcept {
        const uint64_t at = data & ~tag;
        return reinterpret_cast<T*>(at);  // NOLINT(performance-no-int-to-ptr): tagged() made it.
    }

    // The tagged object may be destroyed from now on, so its events in the current batch are
    // cleared.
    void drop_events(uint64_t tag) noexcept {
        for (epoll_event& event : std::span(events_).first(static_cast<size_t>(count_)))
            if (event.data.u64 == tag) event.data.u64 = 0;
    }

    static void report(Watch& watch, uint32_t events) {
        const bool over = events & (EPOLLERR | EPOLLHUP);
        watch.ready(over || events & EPOLLIN, over || events & EPOLLOUT);
    }

    static ssize_t send_parts(int fd, std::span<const iovec> parts) noexcept {
        if (parts.size() == 1)  // Cheaper than sendmsg().
            return system_calls::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(parts.data());
        message.msg_iovlen = parts.size();
        return system_calls::sendmsg(fd, &message, MSG_NOSIGNAL);
    }

    std::error_code control(int operation, Stream& stream) noexcept {
        uint32_t mask = 0;
        if (stream.backend_flags_ & receiving) mask |= EPOLLIN;
        if (stream.backend_flags_ & sending) mask |= EPOLLOUT;
        epoll_event event{mask, {.ptr = &stream}};
        if (::epoll_ctl(epoll_.get(), operation, stream.fd(), &event) == 0) return {};
        return {errno, std::system_category()};
    }

    void set_flag(Stream& stream, uint8_t flag, bool on) noexcept {
        const auto flags =
            static_cast<uint8_t>(on ? stream.backend_flags_ | flag : stream.backend_flags_ & ~flag);
        if (flags == stream.backend_flags_) return;
        stream.backend_flags_ = flags & static_cast<uint8_t>(~hung_up);
        (void)control(flags & hung_up ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, stream);
    }

    void report(Stream& stream, uint32_t events) {
        if (!(stream.backend_flags_ & added)) return;  // Removed earlier in this batch.
        if (events & EPOLLOUT && stream.backend_flags_ & sending) {
            stream.backend_flags_ &= static_cast<uint8_t>(~full);
            set_flag(stream, sending, false);
            stream.sent(0, 0);
            if (!(stream.backend_flags_ & added)) return;
        }
        // A stream that waits for its turn is reported again after it.
        if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || stream.waits_for_turn()) return;
        if (stream.backend_flags_ & receiving)
            receive_some(stream);
        else if (events & EPOLLERR || (events & EPOLLHUP && stream.backend_flags_ & end_reported))
            stream.failed();  // Without a read, only this event reveals that the peer is gone.
        else if (events & EPOLLHUP)
            set_hung_up(stream);
    }

    // A Unix-domain peer closed while this side does not read. What the peer sent before is read
    // later.
    void set_hung_up(Stream& stream) noexcept {
        if (stream.backend_flags_ & hung_up) return;
        (void)control(EPOLL_CTL_DEL, stream);
        stream.backend_flags_ |= hung_up;
    }

    void receive_some(Stream& stream) {
        std::byte* const bytes = buffer_.data() + receive_headroom_bytes;
        const ssize_t size = system_calls::receive(stream.fd(), bytes, receive_bytes_max);
        if (size > 0) {
            traffic_.received_bytes += static_cast<size_t>(size);
            stream.received({bytes, static_cast<size_t>(size)});
        } else if (size == 0)
            end(stream);
        else if (errno != EAGAIN && errno != EINTR)
            stream.failed();
    }

    void end(Stream& stream) {
        stream.backend_flags_ |= end_reported;
        stream.ended();
    }

    void accept(Acceptor& acceptor) {
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

    const Descriptor epoll_;
    const Descriptor wake_;
    std::vector<std::byte> buffer_;
    std::array<epoll_event, 64> events_;
    int count_ = 0;                  // Events in events_ while they are dispatched.
    Acceptor* accepting_ = nullptr;  // Null again if the Acceptor is stopped while it accepts.
};

std::unique_ptr<Backend> make_epoll_backend() { return std::make_unique<EpollBackend>(); }

}  // namespace starling::net
