#include "net/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "net/loop.h"
#include "net/tls_filter.h"

namespace starling::net {

void StreamHandler::on_ended() { stream_->close(); }

Detached::Detached() = default;
Detached::Detached(Detached&&) noexcept = default;
Detached::~Detached() = default;

Stream::Rare::Rare() = default;
Stream::Rare::~Rare() = default;

Stream::Stream(uint32_t generation, Descriptor fd, std::unique_ptr<StreamHandler> handler,
               std::unique_ptr<Rare> rare) noexcept
    : fd_(fd.release()),
      generation_(generation),
      handler_(std::move(handler)),
      rare_(std::move(rare)) {
    handler_->stream_ = this;
}

Stream::~Stream() {
    Descriptor fd(fd_);
    if (reset_) close_with_reset(std::move(fd));
}

std::string Stream::peer_ip() const { return net::peer_ip(fd_); }

// ---- receiving ----------------------------------------------------------------------------------

std::string_view Stream::server_name() const noexcept {
    return tls() ? tls()->session().server_name() : std::string_view();
}

// An exception here (of the handler, or out of memory) ends this connection only.
void Stream::received(std::span<std::byte> bytes) {
    STARLING_ASSERT(loop().touched_by_own_thread());
    if (!is_open()) return;  // Closing: input is read and dropped.
    (void)guarded([&] { tls() ? tls()->received(*this, bytes) : deliver(bytes); });
}

// Delivers the kept bytes and `bytes` as one span: `bytes` has headroom, to which the kept bytes
// are copied. If `bytes` is empty, delivers the kept bytes.
void Stream::deliver(std::span<std::byte> bytes) {
    std::unique_ptr<KeptInput> kept = take_kept();
    if (kept) {
        const size_t size = kept->bytes.size() - kept->from;
        if (!bytes.empty() && size <= Backend::receive_headroom_bytes && !waits_for_turn()) {
            std::byte* const front = bytes.data() - size;
            std::memcpy(front, kept->bytes.data() + kept->from, size);
            bytes = {front, bytes.size() + size};
        } else {
            if (kept->from > size) kept->bytes.erase(0, std::exchange(kept->from, 0));
            kept->bytes.append(base::text_of(bytes));
            bytes = std::as_writable_bytes(std::span(kept->bytes)).subspan(kept->from);
        }
    }
    while (!bytes.empty() && is_open() && flows()) {
        StreamHandler* const handler = handler_.get();
        const size_t size = bytes.size();
        resumed_ = false;
        handler->on_bytes(bytes);
        // Go on with a new handler, or with one that paused and resumed within this call.
        if (handler_.get() == handler && !(resumed_ && bytes.size() < size)) break;
    }
    if (!bytes.empty() && is_open()) keep(bytes, std::move(kept));
}

std::unique_ptr<KeptInput> Stream::take_kept() noexcept {
    if (!rare_) return nullptr;
    std::unique_ptr<KeptInput> kept = std::move(rare_->kept);
    if (!rare_->tls) rare_.reset();
    return kept;
}

void Stream::set_kept(std::unique_ptr<KeptInput> kept) {
    if (!rare_) rare_ = std::make_unique<Rare>();
    rare_->kept = std::move(kept);
}

// `bytes` may be the end of `kept`, whose memory is then used again: if a handler waits for more
// and bytes come in small pieces, they are not all copied each time.
void Stream::keep(std::span<const std::byte> bytes, std::unique_ptr<KeptInput> kept) {
    const std::string_view text = base::text_of(bytes);
    const bool is_tail =
        kept && text.data() + text.size() == kept->bytes.data() + kept->bytes.size();
    if (is_tail && text.size() >= kept->bytes.capacity() / 4) {
        kept->from = kept->bytes.size() - text.size();
        set_kept(std::move(kept));
    } else {
        set_kept(std::make_unique<KeptInput>(KeptInput{std::string(text), 0}));
    }
}

void Stream::pause_receiving() {
    const auto action = input_.on(StreamInput::Event::pause);
    if (action == StreamInput::Action::receive_off && is_open() && !peer_ended())
        loop().backend().receive(*this, false);
}

void Stream::resume_receiving() {
    if (!is_open()) return;
    resumed_ = true;
    const auto action = input_.on(StreamInput::Event::resume);
    if (action == StreamInput::Action::receive_on && !peer_ended() && !end_held_)
        loop().backend().receive(*this, true);
    if (has_kept() || end_held_) schedule_redelivery();
}

void Stream::schedule_redelivery() {
    if (redeliver_) return;
    loop().redeliver_.push_back(this);
    redeliver_ = true;
}

void Stream::redeliver() {
    redeliver_ = false;
    if (!is_open() || !flows()) return;
    if (has_kept() && !guarded([&] { deliver({}); })) return;
    if (!is_open() || !flows() || !end_held_) return;
    end_held_ = false;
    ended();
}

void Stream::yield_turn() {
    if (!is_open() || waits_for_turn()) return;
    loop().turns_.push_back(this);
    (void)input_.on(StreamInput::Event::yield);
}

void Stream::take_turn() {
    if (input_.on(StreamInput::Event::turn) == StreamInput::Action::deliver) redeliver();
}

void Stream::ended() {
    if (is_over() || peer_ended()) return;
    if (life_.get() != Life::lingering) loop().backend().receive(*this, false);
    if (is_open() && !flows()) {
        end_held_ = true;  // TLS: the end came together with bytes that the handler has not seen.
        return;
    }
    switch (life_.on(StreamLife::Event::peer_ended)) {
        case StreamLife::Action::finish: return finish(reason_);
        case StreamLife::Action::tell_ended: return (void)guarded([&] { handler_->on_ended(); });
        default: return;  // Closing: the flush goes on.
    }
}

void Stream::replace_handler(std::unique_ptr<StreamHandler> handler) {
    handler->stream_ = this;
    loop().replaced_.emplace_back();  // Memory first: the old handler may be the caller.
    loop().replaced_.back() = std::exchange(handler_, std::move(handler));
    if (has_kept() && is_open()) schedule_redelivery();
}

// ---- sending ------------------------------------------------------------------------------------

Outbox& Stream::outbox() {
    if (!outbox_) {
        auto& spare = loop().spare_outboxes_;
        if (spare.empty()) spare.push_back(std::make_unique<Outbox>());
        outbox_ = spare.back().release();
        spare.pop_back();
        outbox_->stream = this;
    }
    return *outbox_;
}

void Stream::release_outbox() noexcept {
    if (!outbox_) return;
    outbox_->unlink();
    outbox_->clear(loop().chunks_);
    std::unique_ptr<Outbox> box(std::exchange(outbox_, nullptr));
    if (loop().spare_outboxes_.size() < Loop::spare_outboxes_max)
        loop().spare_outboxes_.push_back(std::move(box));
}

void Stream::mark_dirty() {
    STARLING_ASSERT(loop().touched_by_own_thread());
    // While a send is pending, wait for sent().
    if (is_listed() || is_sending()) return;
    loop().dirty_.push_back(this);  // Memory first, so that list and state agree.
    (void)output_.on(StreamOutput::Event::wrote);
}

void Stream::write(std::span<const std::byte> bytes) {
    if (!is_open() || bytes.empty()) return;
    (void)guarded([&] {
        outbox().append(bytes, loop().chunks_);
        mark_dirty();
    });
}

std::byte* Stream::extend_slowly(size_t bytes) {
    std::byte* at = nullptr;
    if (is_open())
        (void)guarded([&] {
            mark_dirty();
            at = outbox().extend(bytes, loop().chunks_);
        });
    return at;
}

void Stream::mark_queued(size_t wire_bytes, size_t payload_bytes) {
    if (!is_open() || !outbox_) return;
    const bool first = queued_bytes() <= wire_bytes;
    (void)guarded([&] { outbox_->mark({wire_bytes, payload_bytes}, first); });
}

void Stream::want_drained() {
    if (!is_open()) return;
    refused_ = true;
    (void)guarded([&] { mark_dirty(); });
}

void Stream::write(const base::SharedBytes& bytes) {
    // Alone in the queue it needs no chunk: a crowd that gets a small message would take 4 KiB each.
    if (bytes.size() < Outbox::share_from_bytes && outbox_ && !outbox_->empty())
        return write(bytes.view());
    if (!is_open()) return;
    (void)guarded([&] {
        outbox().append(bytes);
        mark_dirty();
    });
}

void Stream::write_now(std::span<const iovec> parts) {
    if (!is_open()) return;
    size_t sent = tls() || is_sending() ? 0 : send_now(parts);
    for (const iovec& part : parts) {
        const size_t skip = std::min(sent, part.iov_len);
        sent -= skip;
        write({static_cast<const std::byte*>(part.iov_base) + skip, part.iov_len - skip});
    }
    if (outbox_ && !tls()) send_queued();
}

// A fan-out calls this for each connection; most of them have nothing queued.
void Stream::write_shared_now(const base::SharedBytes& bytes) {
    if (tls() || outbox_ || is_sending() || !is_open()) return write(bytes);
    if (loop().backend().reads_later()) {
        write(bytes);
        return send_queued();
    }
    const auto view = bytes.view();
    const iovec part{const_cast<std::byte*>(view.data()), view.size()};
    const auto sent = loop().backend().send(*this, {&part, 1});
    if (sent.error) return finish(CloseReason::failed);
    if (sent.bytes == view.size()) return;
    write(view.subspan(sent.bytes));
    send_queued();
}

// Sends the queue and then `parts`. Returns how many bytes of `parts` the kernel took.
size_t Stream::send_now(std::span<const iovec> parts) {
    constexpr size_t parts_max = 32;
    std::array<iovec, parts_max> all;
    const size_t before = outbox_ ? outbox_->gather(all) : 0;
    if (before + parts.size() > parts_max) return 0;
    std::ranges::copy(parts, all.begin() + static_cast<std::ptrdiff_t>(before));
    const auto offered = std::span(all).first(before + parts.size());
    const size_t queued = queued_bytes();

    const auto result = loop().backend().send_now(*this, offered);
    if (result.error) return finish(CloseReason::failed), 0;
    if (queued) outbox_->consume(std::min(result.bytes, queued), loop().chunks_);
    return result.bytes > queued ? result.bytes - queued : 0;
}

size_t Stream::ciphertext_bytes() const noexcept { return rare_->tls ? rare_->tls->bytes() : 0; }

void Stream::send_queued() {
    // The stream stays in the list: the end of the tick handles the empty queue.
    if (output_.get() == StreamOutput::State::listed && is_open())
        (void)guarded([&] { (void)flush_queue(); });
}

void Stream::offer_queued() {
    const bool was_refused = refused_;
    for (send_queued(); is_open() && is_sending(); send_queued()) {
        const auto now = loop().backend().ask(*this);
        if (now.pending) {
            refused_ = true;
            return;
        }
        sent(now.bytes, now.error);
    }
    refused_ = was_refused;  // The kernel took the whole send, although in pieces.
}

void Stream::sent(size_t bytes, int error) {
    (void)output_.on(StreamOutput::Event::sent);
    if (life_.get() == Life::cancelling) {
        (void)life_.on(StreamLife::Event::given_back);
        release_outbox();
        unlink();
        return insert_before(loop().closing_);
    }
    if (error) return finish(CloseReason::failed);
    if (bytes < outbox_->submitted_bytes) refused_ = true;
    outbox_->unlink();
    consume(bytes);
    (void)guarded([&] { mark_dirty(); });
}

void Stream::flush() {
    const auto action = output_.on(StreamOutput::Event::flush);
    if (action != StreamOutput::Action::send || life_.get() > Life::last_flush) return;
    (void)guarded([&] { flush_and_tell(); });
}

void Stream::flush_and_tell() {
    const bool done = flush_queue();
    if (is_over()) return;
    if (!done) {
        if (is_flushing() && unsent_before_ == 0) (void)peer_takes();
        return;
    }
    release_outbox();
    switch (life_.on(StreamLife::Event::all_sent)) {
        case StreamLife::Action::start_linger: return start_linger();
        case StreamLife::Action::finish: return finish(reason_);
        default:
            if (std::exchange(refused_, false)) handler_->on_drained();
    }
}

// Finds the next bytes for the kernel. 0: nothing can be sent now.
size_t Stream::gather(std::span<iovec> parts) {
    if (!tls()) return outbox_ ? outbox_->gather(parts) : 0;
    const auto bytes = tls()->next(loop(), outbox_, is_flushing());
    if (!bytes) return finish(CloseReason::failed), 0;
    if (bytes->empty()) return 0;
    parts[0] = {const_cast<std::byte*>(bytes->data()), bytes->size()};
    return 1;
}

void Stream::consume(size_t bytes) noexcept {
    tls() ? tls()->taken(bytes) : outbox_->consume(bytes, loop().chunks_);
}

bool Stream::flush_queue() {
    std::array<iovec, 64> parts;
    while (const size_t count = gather(parts)) {
        size_t offered = 0;
        for (size_t i = 0; i < count; ++i) offered += parts[i].iov_len;
        const auto sent = loop().backend().send(*this, std::span(parts).first(count));
        if (sent.pending) return send_is_pending(offered), false;
        if (sent.error) return finish(CloseReason::failed), false;
        consume(sent.bytes);
    }
    // If the stream closed before the end of a handshake, plaintext is left; it is dropped.
    return is_flushing() || !outbox_ || outbox_->empty();
}

void Stream::send_is_pending(size_t bytes) {
    (void)output_.on(StreamOutput::Event::pending);
    // A backend that reads later does not know yet whether the kernel is full.
    if (!loop().backend().reads_later()) refused_ = true;
    Outbox& box = outbox();
    STARLING_ASSERT(!box.linked());
    box.submitted_bytes = bytes;
    box.blocked_since_ms = loop().now_ms();
    box.unacknowledged_bytes = Outbox::not_asked;
    box.insert_before(loop().blocked_);
}

// ---- moving to another loop ---------------------------------------------------------------------

Detached Stream::detach() {
    STARLING_ASSERT(is_open() && queued_bytes() == 0 && !is_sending());
    STARLING_ASSERT(input_.get() == StreamInput::State::paused);
    // Bytes that the backend has already received arrive during this call, and are kept.
    [[maybe_unused]] const bool held = loop().backend().remove(*this, false);
    STARLING_ASSERT(!held);
    const bool ended = peer_ended() || end_held_;
    (void)life_.on(StreamLife::Event::over);
    unlink();
    release_outbox();
    insert_before(loop().closing_);
    Detached result;
    result.fd = Descriptor(std::exchange(fd_, -1));
    result.handler = std::move(handler_);
    if (rare_) {
        if (rare_->tls) rare_->tls->rest();  // This loop's list has it.
        result.tls = std::move(rare_->tls);
        result.kept = std::move(rare_->kept);
    }
    result.ended = ended;
    return result;
}

void Stream::set_timeout(uint64_t delay_ms) {
    if (is_open()) start_timeout(delay_ms);
}

void Stream::start_timeout(uint64_t delay_ms) {
    loop().wheel_.set(*this, loop().now_ms(), delay_ms);
}

}  // namespace starling::net
