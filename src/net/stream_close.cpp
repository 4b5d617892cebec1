// net/stream_close.cpp: the end of a stream: flushed and lingering, reset, or cut off because its
// peer takes nothing.
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

#include "base/assert.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls_filter.h"

namespace starling::net {

void Stream::close(Close how) {
    if (is_over()) return;
    if (is_open()) reason_ = peer_ended() ? CloseReason::ended : CloseReason::local;
    if (how == Close::reset) {
        reset_ = true;
        return finish(reason_);
    }
    if (!is_open()) return;
    try {
        mark_dirty();
    } catch (const std::bad_alloc&) {
        return cut_off();
    }
    (void)life_.on(StreamLife::Event::close);
    unsent_before_ = 0;
    if (is_sending()) (void)peer_takes();
    start_timeout(flush_check_ms);
}

// From here on the stream sends nothing, so it frees what it kept for input and TLS.
void Stream::start_linger() {
    ::shutdown(fd_, SHUT_WR);
    rare_.reset();
    unsent_before_ = 0;
    if (input_.on(StreamInput::Event::resume) == StreamInput::Action::receive_on)
        loop().backend().receive(*this, true);
    start_timeout(linger_ms);
}

void Stream::finish(CloseReason reason) noexcept {
    STARLING_ASSERT(loop().touched_by_own_thread());
    if (is_over()) return;
    reason_ = reason;
    unlink();  // Stops the stream's timer.
    const bool held = loop().backend().remove(*this, true);
    STARLING_ASSERT(!held || is_sending());
    if (held) {  // sent() follows.
        (void)life_.on(StreamLife::Event::over_held);
        if (outbox_) outbox_->unlink();
        insert_before(loop().cancelling_);
    } else {
        (void)life_.on(StreamLife::Event::over);
        if (is_sending()) (void)output_.on(StreamOutput::Event::sent);
        // The handler may ask in on_closed() what was not sent; then the loop frees it.
        if (outbox_) outbox_->unlink();
        insert_before(loop().closing_);
    }
}

// TLS has failed: its alert is sent first.
void Stream::close_failed() {
    close();
    reason_ = CloseReason::failed;
}

// Resets, because a FIN would tell the peer that it has received everything.
void Stream::cut_off() noexcept {
    unsent_before_ = static_cast<uint32_t>(std::min<size_t>(unsent_bytes(), UINT32_MAX));
    reset_ = true;
    finish(CloseReason::stalled);
}

// ---- is the peer reading? -----------------------------------------------------------------------

size_t Stream::unsent_bytes() const noexcept {
    return queued_bytes() + loop().backend().unacknowledged_bytes(*this);
}

bool Stream::peer_takes() noexcept {
    const auto now = static_cast<uint32_t>(std::min<size_t>(unsent_bytes(), UINT32_MAX));
    const uint32_t before = std::exchange(unsent_before_, now);
    if (now == 0) return false;
    return before == 0 || before >= static_cast<uint64_t>(now) + taken_bytes_min;
}

// The kernel's buffer holds megabytes. A peer that reads slowly frees memory in it long before the
// kernel takes more bytes; only the acknowledgements show that.
void Stream::check_stall() noexcept {
    Outbox& box = *outbox_;
    refused_ = true;  // Pending for so long means that the kernel is full.
    const size_t now = loop().backend().unacknowledged_bytes(*this);
    const size_t before = std::exchange(box.unacknowledged_bytes, now);
    if (before == Outbox::not_asked) return;
    if (now < before)
        box.blocked_since_ms = loop().now_ms();
    else if (loop().now_ms() - box.blocked_since_ms >= loop().limits_.stalled_ms_max)
        cut_off();
}

void Stream::linger_timed_out() {
    if (loop().backend().unacknowledged_bytes(*this) == 0) {
        // The time to answer the FIN starts when the peer has received everything.
        if (std::exchange(unsent_before_, 0) == 0) return finish(reason_);
        return start_timeout(linger_ms);
    }
    if (!peer_takes()) return cut_off();
    start_timeout(std::max(loop().limits_.stalled_ms_max, linger_ms));
}

void Stream::timed_out() {
    switch (life_.on(StreamLife::Event::timed_out)) {
        case StreamLife::Action::tell_timeout:
            return (void)guarded([&] { handler_->on_timeout(); });
        case StreamLife::Action::check_flush:
            return peer_takes() ? start_timeout(flush_check_ms) : cut_off();
        case StreamLife::Action::check_linger: return linger_timed_out();
        default: return;
    }
}

}  // namespace starling::net
