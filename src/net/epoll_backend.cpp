// net/epoll_backend.cpp: the epoll backend. Level-triggered, with one read per ready connection and
// tick, so that no connection starves the others.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "net/readiness.h"
#include "net/stream.h"
#include "net/system_calls.h"

namespace starling::net {

class EpollBackend final : public ReadinessBackend {
public:
    EpollBackend() : ReadinessBackend(false), buffer_(receive_headroom_bytes + receive_bytes_max) {
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

    Sent send_now(Stream& stream, std::span<const iovec> parts) noexcept override {
        return stream.backend_flags_ & full ? Sent{} : send(stream, parts);
    }
    // A pending send keeps no bytes: once the kernel has room it completes with 0 bytes taken.
    Sent send(Stream& stream, std::span<const iovec> parts) noexcept override {
        if (stream.backend_flags_ & full) {
            set_flag(stream, sending, true);
            return {.pending = true};
        }
        size_t offered = 0;
        for (const iovec& part : parts) offered += part.iov_len;
        const Sent sent = send_at_once(stream.fd(), parts);
        if (!sent.error && sent.bytes < offered) stream.backend_flags_ |= full;
        return sent;
    }

    Sent ask(Stream&) noexcept override { return {.pending = true}; }

    void wait(int timeout_ms) override { find_events(timeout_ms); }
    void dispatch() override {
        report_events([this](Stream& stream, uint32_t events) { report(stream, events); });
    }

private:
    // Bits of Stream::backend_flags_. `sending`: a send is pending. `hung_up`: removed from the
    // set, which would report the stream for ever. `full`: the kernel did not take all of the last
    // send.
    static constexpr uint8_t receiving = 1, sending = 2, added = 4, hung_up = 8, end_reported = 16,
                             full = 32;

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

    std::vector<std::byte> buffer_;
};

std::unique_ptr<Backend> make_epoll_backend() { return std::make_unique<EpollBackend>(); }

}  // namespace starling::net
