// server/ws_sending.cpp: the part of WsConnection that sends: frames, compression, topics.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "net/loop.h"
#include "server/worker.h"
#include "server/ws_extras.h"
#include "ws/endpoint.h"
#include "ws/frame.h"

namespace starling::server {
namespace {

// Messages of this size or more go to the kernel at once, without a copy.
constexpr size_t write_now_from_bytes = 4096;

// Indices in hub::Publication::encodings.
constexpr size_t plain_encoding = 0, deflated_encoding = 1;

base::SharedBytes framed(ws::Opcode opcode, bool rsv1, std::span<const std::byte> payload) {
    auto bytes =
        base::SharedBytes::allocate(ws::frame_header_bytes(payload.size(), false) + payload.size());
    std::array<std::byte, ws::frame_header_bytes_max> header;
    const size_t size = ws::write_frame_header(header.data(), opcode, true, rsv1, payload.size());
    std::copy_n(header.begin(), size, bytes.writable().begin());
    if (!payload.empty())
        std::memcpy(bytes.writable().data() + size, payload.data(), payload.size());
    return bytes;
}

ws::Opcode opcode_of(bool binary) { return binary ? ws::Opcode::binary : ws::Opcode::text; }

}  // namespace

bool WsConnection::fits(size_t bytes) const noexcept {
    return ws::fits_queue(stream_->queued_bytes(), bytes, context_->route().send_queue_bytes_max);
}

ws::SendResult WsConnection::admit(size_t bytes) {
    if (!is_open()) return ws::SendResult::closed;
    if (fits(bytes)) [[likely]]
        return ws::SendResult::sent;
    return admit_to_full_queue(bytes);
}

ws::SendResult WsConnection::admit_to_full_queue(size_t bytes) {
    // A queue that one tick filled does not show that the peer is slow, as long as the kernel takes
    // the bytes.
    stream_->offer_queued();
    if (!stream_->is_open()) return ws::SendResult::closed;
    if (fits(bytes)) return ws::SendResult::sent;
    context_->worker.counters().messages_dropped.add();
    if (context_->route().on_full == ws::OnFull::drop) return note_dropped();
    log_fault(ws::close_code::policy_violation, "send queue full");
    close(ws::close_code::policy_violation, "send queue full");
    return ws::SendResult::closed;
}

// The handler runs in a later call of the loop: it must not run in the middle of a publication.
ws::SendResult WsConnection::note_dropped() {
    if (!context_->handler().remembers().dropped) return ws::SendResult::dropped;
    if (extras().dropped++ == 0)
        stream_->loop().post([&loop = stream_->loop(), key = stream_->slot_key()] {
            if (net::Stream* stream = loop.find(key))
                WsConnection::of(*stream->handler()).tell_dropped();
        });
    return ws::SendResult::dropped;
}

ws::SendResult WsConnection::send(ws::Message message, bool compress_it) {
    context_->worker.hub().catch_up(*this);
    const auto admitted = admit(message.size());
    if (admitted != ws::SendResult::sent) return admitted;
    context_->worker.counters().messages_sent.add();
    const ws::Opcode opcode = opcode_of(message.is_binary());
    // Fast path for nearly every message: a short one on a connection without extras.
    if (!extras_ && context_->route().fragment_bytes_max == 0) [[likely]] {
        write_frame(opcode, true, false, message.bytes());
        return admitted;
    }
    tell_follower(message.bytes(), message.is_binary());
    if (compress_it && wants_compressed(message.size()))
        write_message(opcode, compress(message.bytes()), true);
    else
        write_message(opcode, message.bytes(), false);
    return admitted;
}

void WsConnection::tell_follower(std::span<const std::byte> bytes, bool binary) const {
    if (extras_ && extras_->following)
        extras_->following->follower().message(WsFollower::Direction::out, bytes, binary);
}

void WsConnection::write_message(ws::Opcode opcode, std::span<const std::byte> payload,
                                 bool compressed) {
    const uint64_t fragment_bytes_max = context_->route().fragment_bytes_max;
    if (fragment_bytes_max == 0 || payload.size() <= fragment_bytes_max)
        return write_frame(opcode, true, compressed, payload);
    ws::Fragmenter fragments(opcode, payload, fragment_bytes_max, compressed);
    while (!fragments.done()) {
        const auto fragment = fragments.next();
        write_frame(fragment.opcode, fragment.fin, fragment.rsv1, fragment.payload);
    }
}

void WsConnection::write_frame(ws::Opcode opcode, bool fin, bool rsv1,
                               std::span<const std::byte> payload) {
    if (payload.size() < write_now_from_bytes) {
        const size_t header_bytes = ws::frame_header_bytes(payload.size(), false);
        std::byte* const at = stream_->extend(header_bytes + payload.size());
        if (!at) return;
        ws::write_frame_header(at, opcode, fin, rsv1, payload.size());
        if (!payload.empty()) std::memcpy(at + header_bytes, payload.data(), payload.size());
    } else {
        std::array<std::byte, ws::frame_header_bytes_max> header;
        const size_t size =
            ws::write_frame_header(header.data(), opcode, fin, rsv1, payload.size());
        const std::array<iovec, 2> parts{
            {{header.data(), size}, {const_cast<std::byte*>(payload.data()), payload.size()}}};
        stream_->write_now(parts);
    }
    if (stream_->is_blocked()) note_queue();
}

void WsConnection::write_control(ws::Opcode opcode, std::span<const std::byte> payload) {
    write_frame(opcode, true, false, payload);
}

// For buffered_amount() on other threads.
void WsConnection::note_queue() {
    stream_->loop().note(stream_->slot_key(), static_cast<uint32_t>(std::min<size_t>(
                                                  stream_->queued_bytes(), UINT32_MAX)));
}

ws::SendResult WsConnection::ping(std::span<const std::byte> payload) {
    if (!is_open()) return ws::SendResult::closed;
    const bool sent = ws::send_ping(*this, *stream_, heartbeat_, payload, now_ms());
    return sent ? ws::SendResult::sent : ws::SendResult::dropped;
}

// ---- compression --------------------------------------------------------------------------------

bool WsConnection::compresses() const noexcept { return extras_ && extras_->deflate; }

bool WsConnection::wants_compressed(size_t bytes) const noexcept {
    return compresses() && bytes >= context_->route().compression.threshold_bytes;
}

std::span<const std::byte> WsConnection::compress(std::span<const std::byte> payload) {
    const ws::DeflateParams& params = *extras_->deflate;
    const int level = context_->route().compression.level;
    if (params.server_no_context_takeover)
        return context_->worker.shared_deflater(params.server_max_window_bits, level)
            .compress(payload, true);
    if (!extras_->deflater)
        extras_->deflater = std::make_unique<ws::Deflater>(params.server_max_window_bits, level);
    return extras_->deflater->compress(payload, false);
}

// ---- topics -------------------------------------------------------------------------------------

bool WsConnection::join(std::string_view topic) {
    if (!stream_->is_open()) return false;
    const auto result = context_->worker.hub().join(*this, topic, context_->route().topics_max);
    return result == hub::Hub::Join::joined || result == hub::Hub::Join::already;
}

bool WsConnection::leave(std::string_view topic) {
    return context_->worker.hub().leave(*this, topic);
}

size_t WsConnection::publish(std::string_view topic, ws::Message message) {
    return context_->worker.hub().publish({topic, message.bytes(), message.is_binary()}, this);
}

void WsConnection::deliver(hub::Publication& publication) {
    const auto payload = publication.message.bytes;
    const ws::Opcode opcode = opcode_of(publication.message.binary);
    if (admit(payload.size()) != ws::SendResult::sent) return;
    ++publication.taken;
    context_->worker.counters().messages_sent.add();
    if (extras_) tell_follower(payload, publication.message.binary);
    const uint64_t fragment_bytes_max = context_->route().fragment_bytes_max;
    const bool whole = fragment_bytes_max == 0 || payload.size() <= fragment_bytes_max;
    const bool deflate = publication.compress && wants_compressed(payload.size());
    // Receivers share an encoding in one frame, which if compressed must use the full window.
    if (!whole || (deflate && extras_->deflate->server_max_window_bits != ws::window_bits_max))
        return write_message(opcode, deflate ? compress(payload) : payload, deflate);
    auto& encoded = publication.encodings[deflate ? deflated_encoding : plain_encoding];
    if (!encoded && deflate) {
        auto& shared = context_->worker.shared_deflater(ws::window_bits_max,
                                                        context_->route().compression.level);
        encoded = framed(opcode, true, shared.compress(payload, true));
    } else if (!encoded) {
        encoded = framed(opcode, false, payload);
    }
    if (deflate && extras_->deflater) extras_->deflater->forget_context();
    write_encoded(publication, encoded);
}

void WsConnection::write_encoded(const hub::Publication& publication,
                                 const base::SharedBytes& frame) {
    if (publication.at_once)
        stream_->write_shared_now(frame);
    else
        stream_->write(frame);
    if (stream_->is_blocked()) note_queue();
}

base::SharedBytes WsConnection::text_frame(std::string_view text) {
    return framed(ws::Opcode::text, false, base::bytes_of(text));
}

void WsConnection::deliver_frame(hub::Publication& publication, const base::SharedBytes& frame) {
    if (admit(frame.size()) != ws::SendResult::sent) return;
    ++publication.taken;
    context_->worker.counters().messages_sent.add();
    if (extras_) tell_follower(publication.message.bytes, publication.message.binary);
    write_encoded(publication, frame);
}

}  // namespace starling::server
