#include "client/connection.h"

#include <cstring>
#include <utility>

#include "base/text.h"
#include "client/loop_core.h"
#include "client/socket_core.h"
#include "net/loop.h"
#include "ws/buffered.h"
#include "ws/endpoint.h"
#include "ws/frame.h"

namespace starling::client {

// With context takeover the connection has codecs of its own, otherwise the loop's.
struct Connection::Extras {
    std::optional<ws::DeflateParams> deflate;
    std::unique_ptr<ws::Inflater> inflater;
    std::unique_ptr<ws::Deflater> deflater;
    std::optional<std::string> pong_owed;
};

Connection::Connection(base::Ref<SocketCore> core, const std::optional<ws::DeflateParams>& deflate)
    : core_(std::move(core)), receiver_(ws::Role::client, core_->settings().limits), heartbeat_(0) {
    if (!deflate) return;
    extras().deflate = deflate;
    if (!deflate->server_no_context_takeover)
        extras_->inflater = std::make_unique<ws::Inflater>(ws::Inflater::Context::takeover,
                                                           deflate->server_max_window_bits);
    receiver_ =
        ws::Receiver(ws::Role::client, core_->settings().limits,
                     extras_->inflater ? extras_->inflater.get() : &loop().shared_inflater());
}

Connection::~Connection() = default;

LoopCore& Connection::loop() const noexcept { return *core_->loop(); }

Connection::Extras& Connection::extras() {
    if (!extras_) extras_ = std::make_unique<Extras>();
    return *extras_;
}

bool Connection::compresses() const noexcept { return extras_ && extras_->deflate; }

uint32_t Connection::now_ms() const noexcept {
    return static_cast<uint32_t>(stream_->loop().now_ms());
}

void Connection::start() {
    heartbeat_ = ws::Heartbeat(now_ms());
    if (const auto interval = core_->settings().heartbeat.interval_ms)
        stream_->set_timeout(interval);
    else
        stream_->cancel_timeout();
}

void Connection::leave() {
    left_ = true;
    if (stream_->is_open()) stream_->close();
}

// ---- receiving ----------------------------------------------------------------------------------

void Connection::on_bytes(std::span<std::byte>& input) {
    heartbeat_.on_bytes(now_ms());
    ws::receive(*this, *stream_, receiver_, input);
}

void Connection::on_message(const ws::Event& event) { core_->on_message(event); }

void Connection::on_ping(std::string_view payload) { core_->on_ping(payload); }

void Connection::on_pong(std::span<const std::byte> payload) {
    const auto took_ms = heartbeat_.on_pong(payload, now_ms());
    if (took_ms) round_trip_.took(*took_ms);
    core_->on_pong(base::text_of(payload), took_ms ? round_trip_time() : std::nullopt);
}

void Connection::on_peer_close(uint16_t code, std::string_view reason) {
    core_->on_peer_close(code, reason);
}

void Connection::on_violation(uint16_t code, std::string_view reason) {
    core_->fail(code, reason, "the server broke the protocol: " + std::string(reason));
}

bool Connection::may_send() const noexcept { return core_->may_send(); }

void Connection::owe_pong(std::string_view payload) { extras().pong_owed = payload; }

void Connection::write_pong_owed() {
    if (!extras_ || !extras_->pong_owed) return;
    const std::string owed = *std::exchange(extras_->pong_owed, std::nullopt);
    if (!extras_->deflate) extras_.reset();
    write_control(ws::Opcode::pong, base::bytes_of(owed));
}

void Connection::on_drained() {
    if (left_ || !may_send()) return;
    write_pong_owed();
    tell_drained();
}

// The server has ended: this side ends too, and on_closed() follows.
void Connection::on_ended() { stream_->close(); }

void Connection::on_closed(net::CloseReason reason) {
    if (left_) return;
    left_ = true;
    core_->on_gone(reason == net::CloseReason::ended);
}

void Connection::on_timeout() {
    if (left_) return;
    if (closing_) {
        // The time to answer our close frame starts when the server has received it.
        if (stream_->peer_takes()) return stream_->set_timeout(core_->settings().close_timeout_ms);
        return core_->on_timeout("the server did not answer the close frame");
    }
    if (!ws::keep_alive(*this, *stream_, heartbeat_, core_->settings().heartbeat, now_ms()))
        core_->on_timeout("the server did not answer a ping");
}

void Connection::pause() {
    if (stream_->is_open() && !closing_) stream_->pause_receiving();
}

void Connection::resume() { ws::resume_receiving(*stream_, heartbeat_, now_ms()); }

// ---- sending ------------------------------------------------------------------------------------

bool Connection::fits(size_t bytes) const noexcept {
    return ws::fits_queue(stream_->queued_bytes(), bytes, core_->settings().send_queue_bytes_max);
}

void Connection::send(ws::Message message) {
    if (!fits(message.size())) {
        stream_->offer_queued();
        if (!stream_->is_open() || !fits(message.size())) {
            core_->refused(message.size());
            if (stream_->is_open()) core_->overflowed();
            return;
        }
    }
    const ws::Opcode opcode = message.is_binary() ? ws::Opcode::binary : ws::Opcode::text;
    const bool rsv1 = compresses() && message.size() >= core_->settings().compress_from_bytes;
    const auto payload = rsv1 ? compress(message.bytes()) : message.bytes();
    write_frame(opcode, rsv1, payload);
    stream_->mark_queued(ws::frame_header_bytes(payload.size(), true) + payload.size(),
                         message.size());
    if (core_->listeners().wants_drain()) want_drain();
}

void Connection::want_drain() {
    if (drain_asked_) return;
    drain_asked_ = true;
    ask_drained();
}

uint64_t Connection::buffered_bytes() const noexcept {
    return ws::buffered_bytes(stream_->queued_marks(), stream_->queued_bytes());
}

// When the tick has sent what is queued. What the kernel refuses, on_drained() tells.
void Connection::ask_drained() {
    loop().net().post([core = core_] {
        if (Connection* const connection = core->connection()) connection->check_drained();
    });
}

void Connection::check_drained() {
    if (!drain_asked_) return;
    if (stream_->queued_bytes() == 0)
        tell_drained();
    else if (!stream_->is_blocked())
        ask_drained();
}

void Connection::tell_drained() {
    if (!drain_asked_) return;
    drain_asked_ = false;
    core_->on_drained();
}

// The payload is copied into the queue and masked there.
void Connection::write_frame(ws::Opcode opcode, bool rsv1, std::span<const std::byte> payload) {
    const uint32_t key = loop().masking_key();
    const size_t header_bytes = ws::frame_header_bytes(payload.size(), true);
    std::byte* const at = stream_->extend(header_bytes + payload.size());
    if (!at) return;
    ws::write_frame_header(at, opcode, true, rsv1, payload.size(), &key);
    if (!payload.empty()) std::memcpy(at + header_bytes, payload.data(), payload.size());
    ws::mask({at + header_bytes, payload.size()}, key);
}

void Connection::write_control(ws::Opcode opcode, std::span<const std::byte> payload) {
    write_frame(opcode, false, payload);
}

std::span<const std::byte> Connection::compress(std::span<const std::byte> payload) {
    const ws::DeflateParams& params = *extras_->deflate;
    const int level = core_->settings().compression_level;
    if (params.client_no_context_takeover)
        return loop().shared_deflater(params.client_max_window_bits, level).compress(payload, true);
    if (!extras_->deflater)
        extras_->deflater = std::make_unique<ws::Deflater>(params.client_max_window_bits, level);
    return extras_->deflater->compress(payload, false);
}

void Connection::ping(std::span<const std::byte> payload) {
    (void)ws::send_ping(*this, *stream_, heartbeat_, payload, now_ms());
}

// ---- closing ------------------------------------------------------------------------------------

void Connection::act(const ws::Closing::Actions& actions, uint16_t code, std::string_view reason) {
    if (actions.send_close || actions.echo_close) write_close(code, reason);
    if (actions.start_timer) {
        closing_ = true;
        resume();  // To read the server's close frame.
        stream_->set_timeout(core_->settings().close_timeout_ms);
        (void)stream_->peer_takes();  // Starts the measurement.
    }
    if (actions.reset_transport)
        stream_->close(net::Stream::Close::reset);
    else if (actions.shut_down)
        stream_->close();
}

void Connection::write_close(uint16_t code, std::string_view reason) {
    write_pong_owed();
    ws::write_close(*this, code, reason);
}

void Connection::terminate() { stream_->close(net::Stream::Close::reset); }

}  // namespace starling::client
