#include "net/tls_filter.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "net/loop.h"
#include "net/outbox.h"
#include "net/stream.h"

namespace starling::net {

TlsFilter::TlsFilter(std::unique_ptr<TlsSession> session) noexcept : session_(std::move(session)) {}
TlsFilter::~TlsFilter() = default;

void TlsFilter::received(Stream& stream, std::span<std::byte> ciphertext) {
    note_use(stream.loop());
    session_->feed(ciphertext, stream.loop().now_ms());
    const std::span<std::byte> plaintext = stream.loop().scratch();
    auto status = TlsSession::Status::ok;
    if (!established_ && session_->shake_hands()) {
        established_ = true;
        ++stream.loop().figures_.tls_handshakes;
        stream.handler()->on_tls(*session_);
    }
    while (stream.is_open()) {
        const size_t size = session_->read(plaintext, status);
        if (size == 0) break;
        stream.deliver(plaintext.first(size));
    }
    session_->feed({}, stream.loop().now_ms());
    // A failure leaves an alert to send. A handshake leaves its next messages, or its end allows
    // the queue to be sent.
    if (!session_->output().empty() || stream.queued_bytes() != 0) stream.mark_dirty();
    if (!stream.is_open()) return;
    if (status == TlsSession::Status::failed) {
        if (!established_) ++stream.loop().figures_.tls_handshakes_failed;
        if (session_->failure()) stream.handler()->on_tls(*session_);
        stream.close_failed();
    } else if (status == TlsSession::Status::ended) {
        stream.ended();
    }
}

// What TLS has to say itself, what is queued and the close_notify leave together.
std::optional<std::span<const std::byte>> TlsFilter::next(Loop& loop, Outbox* plaintext,
                                                          bool closing) {
    if (taken_ < sending_.size()) return std::as_bytes(std::span(sending_)).subspan(taken_);
    const bool sends = plaintext && !plaintext->empty() && session_->established() && !failed_;
    if (sends && !encrypt(loop, *plaintext)) failed_ = true;
    const bool is_last = !plaintext || plaintext->empty() || !session_->established();
    if (closing && is_last && !failed_ && !std::exchange(close_notified_, true))
        session_->send_close_notify();
    // The alert of a failure goes first.
    if (session_->output().empty() && failed_) return std::nullopt;
    std::swap(sending_, session_->output());
    taken_ = 0;
    return std::as_bytes(std::span(sending_));
}

void TlsFilter::taken(size_t bytes) noexcept {
    taken_ += bytes;
    STARLING_ASSERT(taken_ <= sending_.size());
    if (taken_ < sending_.size()) return;
    std::string().swap(sending_);  // An idle connection keeps no buffer.
    taken_ = 0;
}

void TlsFilter::rest() noexcept {
    unlink();
    session_->rest();
}

// The list is ordered by the time of the last use.
void TlsFilter::note_use(Loop& loop) noexcept {
    used_ms_ = loop.now_ms();
    unlink();
    insert_before(loop.tls_in_use_);
}

// Small writes share a record.
bool TlsFilter::encrypt(Loop& loop, Outbox& plaintext) {
    note_use(loop);
    std::array<iovec, 64> parts;
    const size_t count = plaintext.gather(parts);
    std::span<std::byte> bytes = loop.scratch().first(TlsSession::record_bytes_max);
    size_t size = 0;
    for (size_t i = 0; i < count && size < bytes.size(); ++i) {
        const size_t part = std::min(parts[i].iov_len, bytes.size() - size);
        std::memcpy(bytes.data() + size, parts[i].iov_base, part);
        size += part;
    }
    plaintext.consume(size, loop.chunks_);
    for (bytes = bytes.first(size); !bytes.empty();) {
        const auto record =
            bytes.first(std::min(bytes.size(), record_size_.bytes_max(loop.now_ms())));
        if (!session_->write(record)) return false;
        record_size_.sent(record.size(), loop.now_ms());
        bytes = bytes.subspan(record.size());
    }
    return true;
}

}  // namespace starling::net
