#include "net/uring_backend.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <new>
#include <utility>

#include "net/loop.h"
#include "net/stream.h"

namespace starling::net {

UringBackend::UringBackend(const UringSizes& sizes)
    : ReadinessBackend(true),
      ring_(sizes),
      buffers_(sizes.buffers),
      messages_(std::make_unique<Message[]>(messages_max)) {
    if (const auto error = open_ring()) throw std::system_error(error, "io_uring");
}

UringBackend::~UringBackend() {
    leave();
    ring_.close();  // Before its buffers are freed.
}

// ---- the ring and its thread --------------------------------------------------------------------

uint64_t UringBackend::this_thread() noexcept {
    static std::atomic<uint64_t> last{0};
    thread_local const uint64_t mine = ++last;
    return mine;
}

std::error_code UringBackend::open_ring() noexcept {
    if (const auto error = ring_.open()) return error;
    return buffers_.register_with(ring_);
}

void UringBackend::start() {
    if (!ring_.is_open())
        if (const auto error = open_ring()) throw std::system_error(error, "io_uring");
    if (const auto error = ring_.enable()) throw std::system_error(error, "io_uring");
    owner_ = this_thread();
}

// Everything that the kernel did is found afterwards, and what it did not do is found as cancelled.
void UringBackend::leave() noexcept {
    if (!is_mine()) return;
    ring_.cancel_all_and_close();
    messages_used_ = 0;
    owner_ = 0;
}

// The thread of the ring has not left it, and does not run the loop any more. No other thread may cancel its
// operations, but they all end when the ring is closed. What was prepared is not submitted.
void UringBackend::abandon() {
    ring_.collect();
    ring_.close();
    owner_ = 0;
    messages_used_ = 0;
    events_armed_ = wake_armed_ = false;
    if (!streams_) return;
    const auto found = [this](uint64_t sought) {
        const auto all = ring_.found();
        return std::ranges::any_of(all, [&](const auto& one) { return one.name == sought; });
    };
    for (uint32_t slot = 0; slot < streams_->slots(); ++slot) {
        Stream* const stream = streams_->object_at(slot);
        if (!stream) continue;
        const uint64_t send = name(Kind::send, stream->slot_key());
        if (stream->backend_flags_ & sending && !found(send)) ring_.complete({send, -ECANCELED, 0});
        clear(*stream, receiving | cancelling | single);
        list(*stream);
    }
}

void UringBackend::submit() noexcept {
    ring_.submit();
    reuse_messages();
}

// The kernel has copied the messages of the operations that it has taken. It may take none, or only the first ones.
void UringBackend::reuse_messages() noexcept {
    if (!ring_.has_unsubmitted()) messages_used_ = 0;
}

void UringBackend::wait(int timeout_ms) {
    if (!is_mine()) {
        if (owner_ != 0) abandon();
        if (ring_.has_found()) return;
        start();
    }
    arm_own();
    settle_listed();
    ring_.submit_and_wait(ring_.has_found() ? 0 : timeout_ms);
    reuse_messages();
}

void UringBackend::dispatch() {
    // What is found meanwhile waits for the next tick.
    for (size_t count = ring_.found().size(); count > 0; --count) report(ring_.take());
    ring_.forget_taken();
    last_received_ = 0;
}

void UringBackend::arm_own() {
    if (!std::exchange(events_armed_, true)) {
        io_uring_sqe& operation = ring_.prepare(name(Kind::events));
        ::io_uring_prep_poll_add(&operation, epoll_.get(), POLLIN);
    }
    if (!std::exchange(wake_armed_, true)) {
        io_uring_sqe& operation = ring_.prepare(name(Kind::wake));
        ::io_uring_prep_poll_multishot(&operation, wake_.get(), POLLIN);
    }
}

// ---- what the kernel does for a stream ----------------------------------------------------------

Stream* UringBackend::stream_of(uint64_t name) const noexcept {
    return streams_ ? streams_->find(base::unpack(name)) : nullptr;
}

void UringBackend::set(Stream& stream, unsigned flags) noexcept {
    stream.backend_flags_ = static_cast<uint16_t>(stream.backend_flags_ | flags);
}

void UringBackend::clear(Stream& stream, unsigned flags) noexcept {
    stream.backend_flags_ = static_cast<uint16_t>(stream.backend_flags_ & ~flags);
}

std::error_code UringBackend::add(Stream& stream) {
    streams_ = &stream.loop().streams();
    stream.backend_flags_ = added | wanted;
    list(stream);
    return {};
}

void UringBackend::receive(Stream& stream, bool on) noexcept {
    const bool before = stream.backend_flags_ & wanted;
    if (before == on) return;
    on ? set(stream, wanted) : clear(stream, wanted);
    clear(stream, hung_up);
    list(stream);
}

bool UringBackend::remove(Stream& stream, bool closing) noexcept {
    if (owner_ != 0 && !is_mine()) abandon();
    if (!closing) finish_receiving(stream);
    if (stream.backend_flags_ & receiving) cancel_receive(stream);
    if (stream.backend_flags_ & in_set)
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, stream.fd(), nullptr);
    clear(stream, ~static_cast<unsigned>(sending | unsettled));
    return stream.backend_flags_ & sending;
}

// The descriptor goes on elsewhere: what the kernel has received for the stream is delivered now. An error is
// not: the next reader of the descriptor meets the end.
void UringBackend::finish_receiving(Stream& stream) {
    const uint64_t mine = name(Kind::receive, stream.slot_key());
    if (stream.backend_flags_ & receiving && is_mine()) {
        cancel_receive(stream);
        const auto over = [&] {
            const auto all = ring_.found();
            return std::ranges::any_of(all, [&](const auto& one) {
                return one.name == mine && !(one.flags & IORING_CQE_F_MORE);
            });
        };
        while (!over()) ring_.submit_and_wait(-1);
        reuse_messages();
    }
    for (size_t i = 0; i < ring_.found().size(); ++i) {
        Ring::Completion& one = ring_.found()[i];
        if (one.name != mine) continue;
        Ring::Completion done = one;
        one.name = 0;
        if (done.result < 0) done.result = -ECANCELED;
        report_received(&stream, done);
    }
}

void UringBackend::list(Stream& stream) noexcept {
    if (stream.backend_flags_ & unsettled) return;
    set(stream, unsettled);
    try {
        unsettled_.push_back(name(Kind::none, stream.slot_key()));
    } catch (const std::bad_alloc&) {
        all_unsettled_ = true;
    }
}

void UringBackend::settle_listed() {
    if (std::exchange(all_unsettled_, false))
        for (uint32_t slot = 0; slot < streams_->slots(); ++slot)
            if (Stream* const stream = streams_->object_at(slot)) settle(*stream);
    settling_.swap(unsettled_);
    for (const uint64_t listed : settling_)
        if (Stream* const stream = stream_of(listed)) settle(*stream);
    settling_.clear();
}

void UringBackend::settle(Stream& stream) {
    clear(stream, unsettled);
    if (!(stream.backend_flags_ & added)) return;
    if (stream.backend_flags_ & throttled) {
        if (stream.waits_for_turn())
            list(stream);  // Look again after its turn.
        else
            clear(stream, throttled);
    }
    const bool receives = (stream.backend_flags_ & (wanted | throttled)) == wanted;
    if (receives && !(stream.backend_flags_ & receiving)) arm_receive(stream);
    const bool takes_too_much = (stream.backend_flags_ & (greedy | single)) == greedy;
    // The stream is listed again when that has ended.
    if ((!receives || takes_too_much) && stream.backend_flags_ & receiving) cancel_receive(stream);
    settle_set(stream);
}

// Without a read only the set reveals that the peer is gone.
void UringBackend::settle_set(Stream& stream) {
    const uint16_t flags = stream.backend_flags_;
    const bool out = flags & blocked;
    const bool belongs = out || !(flags & (wanted | receiving | hung_up));
    const bool is_in = flags & in_set;
    if (belongs == is_in && out == static_cast<bool>(flags & in_set_out)) return;
    epoll_event event{out ? static_cast<uint32_t>(EPOLLOUT) : 0u, {.ptr = &stream}};
    const int operation = !belongs ? EPOLL_CTL_DEL : is_in ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    ::epoll_ctl(epoll_.get(), operation, stream.fd(), &event);
    clear(stream, in_set | in_set_out);
    if (belongs) set(stream, out ? in_set | in_set_out : in_set);
}

void UringBackend::arm_receive(Stream& stream) {
    set(stream, receiving);
    io_uring_sqe& operation = ring_.prepare(name(Kind::receive, stream.slot_key()));
    if (stream.backend_flags_ & greedy) {
        set(stream, single);
        ::io_uring_prep_recv(&operation, stream.fd(), nullptr, 0, 0);
    } else {
        ::io_uring_prep_recv_multishot(&operation, stream.fd(), nullptr, 0, 0);
    }
    operation.flags |= IOSQE_BUFFER_SELECT;
    operation.buf_group = ReceiveBuffers::group;
}

void UringBackend::cancel_receive(Stream& stream) {
    if (stream.backend_flags_ & cancelling || !is_mine()) return;
    set(stream, cancelling);
    io_uring_sqe& operation = ring_.prepare(0);
    ::io_uring_prep_cancel64(&operation, name(Kind::receive, stream.slot_key()), 0);
    operation.flags |= IOSQE_CQE_SKIP_SUCCESS;
}

// ---- sending ------------------------------------------------------------------------------------

Backend::Sent UringBackend::send(Stream& stream, std::span<const iovec> parts) noexcept {
    if (!is_mine()) return send_elsewhere(stream, parts);
    if (messages_used_ == messages_max) submit();
    constexpr int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    io_uring_sqe& operation = ring_.prepare(name(Kind::send, stream.slot_key()));
    set(stream, sending);
    // Without a free message only the first part is sent. The stream submits the rest again.
    if (parts.size() == 1 || messages_used_ == messages_max) {
        const size_t size = std::min<size_t>(parts[0].iov_len, INT_MAX);
        ::io_uring_prep_send(&operation, stream.fd(), parts[0].iov_base, size, flags);
        return {.pending = true};
    }
    Message& message = messages_[messages_used_++];
    parts = parts.first(std::min(parts.size(), std::size(message.parts)));
    std::ranges::copy(parts, message.parts);
    message.header = {};
    message.header.msg_iov = message.parts;
    message.header.msg_iovlen = parts.size();
    ::io_uring_prep_sendmsg(&operation, stream.fd(), &message.header, flags);
    return {.pending = true};
}

// Between two ticks, on a thread that does not own the ring: before it was started, or after leave().
Backend::Sent UringBackend::send_elsewhere(Stream& stream, std::span<const iovec> parts) {
    if (owner_ != 0) abandon();
    if (stream.backend_flags_ & blocked) return {.pending = true};
    const Sent sent = send_at_once(stream.fd(), parts);
    if (sent.error || sent.bytes > 0) return sent;
    block(stream);
    return {.pending = true};
}

// By a system call of its own: for these bytes it costs less than the copy that an operation needs.
Backend::Sent UringBackend::send_now(Stream& stream, std::span<const iovec> parts) noexcept {
    return send_at_once(stream.fd(), parts);
}

void UringBackend::block(Stream& stream) {
    set(stream, blocked);
    list(stream);
}

Backend::Sent UringBackend::ask(Stream& stream) noexcept {
    if (stream.backend_flags_ & blocked) return {.pending = true};
    if (is_mine()) {
        ring_.submit_and_wait(0);
        reuse_messages();
    }
    const uint64_t sought = name(Kind::send, stream.slot_key());
    for (Ring::Completion& done : ring_.found()) {
        if (done.name != sought) continue;
        done.name = 0;
        clear(stream, sending);
        const Sent sent = result_of(done);
        if (sent.pending) block(stream);
        return sent;
    }
    return {.pending = true};
}

Backend::Sent UringBackend::result_of(const Ring::Completion& done) noexcept {
    if (done.result >= 0) {
        const auto bytes = static_cast<size_t>(done.result);
        traffic_.sent_bytes += bytes;
        return {.bytes = bytes};
    }
    switch (-done.result) {
        case ECANCELED:  // Not submitted: the stream submits the bytes again.
        case EINTR: return {};
        case EAGAIN:
        case ENOBUFS: return {.pending = true};
        default: return {.error = -done.result};
    }
}

// ---- reports ------------------------------------------------------------------------------------

void UringBackend::report(const Ring::Completion& done) {
    switch (kind_of(done.name)) {
        case Kind::receive: return report_received(stream_of(done.name), done);
        case Kind::send: return report_sent(*stream_of(done.name), done);
        case Kind::events:
            events_armed_ = false;
            find_events(0);
            return report_events(
                [this](Stream& stream, uint32_t events) { report_event(stream, events); });
        case Kind::wake:
            if (!(done.flags & IORING_CQE_F_MORE)) wake_armed_ = false;
            return;
        case Kind::none: return;
    }
}

// A stream that was removed is kept until here, because the kernel could still read its bytes; it only gets them back.
void UringBackend::report_sent(Stream& stream, const Ring::Completion& done) {
    clear(stream, sending);
    const Sent sent = result_of(done);
    if (sent.pending && stream.backend_flags_ & added) return block(stream);
    stream.sent(sent.bytes, sent.error);
}

// `stream` is null if it is gone.
void UringBackend::report_received(Stream* stream, const Ring::Completion& done) {
    const bool has_buffer = done.flags & IORING_CQE_F_BUFFER;
    const auto buffer = static_cast<uint16_t>(done.flags >> IORING_CQE_BUFFER_SHIFT);
    const bool reports = stream && stream->backend_flags_ & added;
    if (reports && !(done.flags & IORING_CQE_F_MORE)) {
        clear(*stream, receiving | cancelling | single);
        list(*stream);
    }
    if (reports && done.result > 0) {
        const auto size = static_cast<size_t>(done.result);
        traffic_.received_bytes += size;
        if (stream->waits_for_turn()) {
            set(*stream, throttled);
            list(*stream);
        }
        watch_greed(*stream, done);
        stream->received(buffers_.take(buffer, size));
    }
    if (has_buffer) buffers_.give_back(buffer);
    if (!reports || done.result > 0) return;
    switch (-done.result) {
        case 0: set(*stream, end_reported); return stream->ended();
        case ENOBUFS:  // All buffers were out. It is armed again.
        case ECANCELED:
        case EAGAIN:
        case EINTR: return;
        default: return failed(*stream);
    }
}

// A peer may end the stream and reset the connection when our last bytes reach it: a close_notify after its own. On
// epoll the stream is over by then; here the completion of that send and the error arrive together.
void UringBackend::failed(Stream& stream) noexcept {
    const bool flush_follows = stream.output_.get() == StreamOutput::State::listed;
    // The end of the tick finishes the stream; if bytes are left, their send fails.
    if (flush_follows && stream.life_.get() == StreamLife::State::last_flush) return;
    stream.failed();
}

void UringBackend::watch_greed(Stream& stream, const Ring::Completion& done) noexcept {
    const bool full = static_cast<size_t>(done.result) == ReceiveBuffers::buffer_bytes;
    const bool goes_on = std::exchange(last_received_, done.name) == done.name;
    full_in_a_row_ = full ? (goes_on ? full_in_a_row_ : 0) + 1 : 0;
    if (full_in_a_row_ >= full_in_a_row_max) {
        set(stream, greedy);
        list(stream);
    } else if (!full && !(stream.backend_flags_ & receiving)) {
        clear(stream, greedy);
    }
}

void UringBackend::report_event(Stream& stream, uint32_t events) {
    if (!(stream.backend_flags_ & added)) return;  // Removed earlier in this batch.
    if (stream.backend_flags_ & blocked && events & (EPOLLOUT | EPOLLERR)) {
        clear(stream, blocked);
        list(stream);
        stream.sent(0, 0);
        if (!(stream.backend_flags_ & added)) return;
    }
    if (stream.backend_flags_ & (wanted | receiving)) return;  // The operation meets it.
    if (events & EPOLLERR || (events & EPOLLHUP && stream.backend_flags_ & end_reported))
        return failed(stream);
    if (events & EPOLLHUP) {
        set(stream, hung_up);
        list(stream);
    }
}

std::unique_ptr<Backend> make_uring_backend(const UringSizes& sizes) {
    return std::make_unique<UringBackend>(sizes);
}

}  // namespace starling::net
