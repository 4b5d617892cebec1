// How a stream ends: flushed and lingering, reset, or cut off because its peer does not take anything.
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

#include "net/loop.h"
#include "net/stream.h"
#include "net/tls_filter.h"

namespace starling::net {

void Stream::close(Close how) {
    if (is_over()) return;
    if (state_ == State::open) reason_ = ended_ ? CloseReason::ended : CloseReason::local;
    if (how == Close::reset) {
        reset_ = true;
        return finish(reason_);
    }
    if (state_ != State::open) return;
    try {
        mark_dirty();
    } catch (const std::bad_alloc&) {
        return cut_off();
    }
    state_ = State::flushing;
    unsent_before_ = 0;
    if (sending_) (void)peer_takes();
    start_timeout(flush_check_ms);
}

// From here on the stream sends nothing and needs none of what it held to send and to understand.
void Stream::start_linger() {
    state_ = State::lingering;
    ::shutdown(fd_, SHUT_WR);
    kept_.reset();
    tls_.reset();
    unsent_before_ = 0;
    if (std::exchange(paused_, false)) loop_.backend().receive(*this, true);
    start_timeout(linger_ms);
}

void Stream::finish(CloseReason reason) noexcept {
    if (is_over()) return;
    reason_ = reason;
    unlink();  // Its timer is over.
    sending_ = loop_.backend().remove(*this, true);
    if (sending_) {  // sent() follows.
        state_ = State::cancelling;
        if (outbox_) outbox_->unlink();
        insert_before(loop_.cancelling_);
    } else {
        state_ = State::closed;
        release_outbox();
        insert_before(loop_.closing_);
    }
}

// TLS has failed: its alert leaves first.
void Stream::close_failed() {
    close();
    reason_ = CloseReason::failed;
}

// A FIN would tell the peer that the part it got is the whole.
void Stream::cut_off() noexcept {
    unsent_before_ = uint32_t(std::min<size_t>(unsent_bytes(), UINT32_MAX));
    reset_ = true;
    finish(CloseReason::stalled);
}

// ---- is the peer reading? -----------------------------------------------------------------------

size_t Stream::unsent_bytes() const noexcept {
    return queued_bytes() + loop_.backend().unacknowledged_bytes(*this);
}

bool Stream::peer_takes() noexcept {
    const auto now = uint32_t(std::min<size_t>(unsent_bytes(), UINT32_MAX));
    const uint32_t before = std::exchange(unsent_before_, now);
    if (now == 0) return false;
    return before == 0 || before >= uint64_t(now) + taken_bytes_min;
}

// The kernel's buffer holds megabytes. A peer that reads slowly makes room in it long before the
// kernel takes more, and only its acknowledgements tell.
void Stream::check_stall() noexcept {
    Outbox& box = *outbox_;
    refused_ = true;  // Pending for so long: the kernel is full.
    const size_t now = loop_.backend().unacknowledged_bytes(*this);
    const size_t before = std::exchange(box.unacknowledged_bytes, now);
    if (before == Outbox::not_asked) return;
    if (now < before)
        box.blocked_since_ms = loop_.now_ms();
    else if (loop_.now_ms() - box.blocked_since_ms >= loop_.limits_.stalled_ms_max)
        cut_off();
}

void Stream::linger_timed_out() {
    if (loop_.backend().unacknowledged_bytes(*this) == 0) {
        // The time to answer the FIN begins where the peer has got everything.
        if (std::exchange(unsent_before_, 0) == 0) return finish(reason_);
        return start_timeout(linger_ms);
    }
    if (!peer_takes()) return cut_off();
    start_timeout(std::max(loop_.limits_.stalled_ms_max, linger_ms));
}

void Stream::timed_out() {
    switch (state_) {
        case State::open: return (void)guarded([&] { handler_->on_timeout(); });
        case State::flushing: return peer_takes() ? start_timeout(flush_check_ms) : cut_off();
        case State::lingering: return linger_timed_out();
        case State::cancelling:
        case State::closed: return;
    }
}

}  // namespace starling::net
