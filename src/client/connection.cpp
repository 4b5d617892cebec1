#include "client/connection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "client/loop_core.h"
#include "client/socket_core.h"
#include "net/loop.h"
#include "ws/buffered.h"
#include "ws/frame.h"

namespace starling::client {
namespace {

// The limits of a connection's turn, as those of the server.
constexpr uint32_t turn_events_max = 512;
constexpr size_t turn_bytes_max = 256 * 1024;
// Pongs are offered to the kernel after this many bytes, to notice a server that does not read.
constexpr size_t pongs_queued_bytes_max = 4096;

}  // namespace

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
    uint32_t events_left = turn_events_max;
    size_t bytes = 0;
    while (!left_ && stream_->is_open() && !stream_->is_paused()) {
        const ws::Event event = receiver_.next(input);
        if (event.kind == ws::Event::Kind::message)
            core_->on_message(event);
        else if (event.kind == ws::Event::Kind::need_more || !on_control(event))
            return;
        bytes += event.bytes.size();
        if ((--events_left == 0 || bytes >= turn_bytes_max) && !input.empty())
            return stream_->yield_turn();
    }
    if (stream_->is_open()) receiver_.release();  // Paused, for an unknown time.
}

bool Connection::on_control(const ws::Event& event) {
    switch (event.kind) {
        case ws::Event::Kind::ping:
            answer_ping(base::text_of(event.bytes));
            core_->on_ping(base::text_of(event.bytes));
            return true;
        case ws::Event::Kind::pong: on_pong(event.bytes); return true;
        case ws::Event::Kind::close: core_->on_peer_close(event.code, event.reason); return true;
        default:
            core_->fail(event.code, event.reason,
                        "the server broke the protocol: " + std::string(event.reason));
            return false;
    }
}

void Connection::on_pong(std::span<const std::byte> payload) {
    const auto took_ms = heartbeat_.on_pong(payload, now_ms());
    if (took_ms)
        round_trip_ms_ = static_cast<uint16_t>(std::min<uint32_t>(*took_ms, unknown_ms - 1));
    core_->on_pong(base::text_of(payload), took_ms ? round_trip_time() : std::nullopt);
}

// As the server does: in its place, and while the kernel takes nothing only the newest.
void Connection::answer_ping(std::string_view payload) {
    if (!core_->may_send()) return;
    if (stream_->queued_bytes() >= pongs_queued_bytes_max) stream_->offer_queued();
    if (stream_->is_blocked())
        extras().pong_owed = payload;
    else
        write_frame(ws::Opcode::pong, false, base::bytes_of(payload));
}

void Connection::write_pong_owed() {
    if (!extras_ || !extras_->pong_owed) return;
    const std::string owed = *std::exchange(extras_->pong_owed, std::nullopt);
    if (!extras_->deflate) extras_.reset();
    write_frame(ws::Opcode::pong, false, base::bytes_of(owed));
}

void Connection::on_drained() {
    if (left_ || !core_->may_send()) return;
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
    const ws::HeartbeatOptions& options = core_->settings().heartbeat;
    if (stream_->is_blocked() || stream_->is_paused()) {
        // A ping would wait behind bytes that the server has not read, or its pong would not be read.
        heartbeat_.on_bytes(now_ms());
        return stream_->set_timeout(options.interval_ms);
    }
    const auto step = heartbeat_.on_timer(options, now_ms());
    if (step.action == ws::Heartbeat::Action::dead && waits_in_kernel()) {
        heartbeat_.on_bytes(now_ms());
        return stream_->set_timeout(options.interval_ms);
    }
    if (step.action == ws::Heartbeat::Action::dead)
        return core_->on_timeout("the server did not answer a ping");
    if (step.action == ws::Heartbeat::Action::send_ping)
        write_frame(ws::Opcode::ping, false, heartbeat_.ping_payload());
    if (step.next_in_ms) stream_->set_timeout(step.next_in_ms);
}

bool Connection::waits_in_kernel() const {
    return stream_->unsent_bytes() >= pongs_queued_bytes_max && stream_->peer_takes();
}

void Connection::pause() {
    if (stream_->is_open() && !closing_) stream_->pause_receiving();
}

void Connection::resume() {
    if (!stream_->is_open() || !stream_->is_paused()) return;
    heartbeat_.restart(now_ms());
    stream_->resume_receiving();
}

// ---- sending ------------------------------------------------------------------------------------

// A message larger than the whole queue passes if nothing is queued: the limit is for servers that do not
// read, not for large messages.
bool Connection::fits(size_t bytes) const noexcept {
    const size_t queued = stream_->queued_bytes();
    return queued == 0 || queued + bytes <= core_->settings().send_queue_bytes_max;
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
    if (core_->listeners().wants_drain() && !drain_asked_) {
        drain_asked_ = true;
        ask_drained();
    }
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
    if (stream_->is_blocked()) return;
    if (payload.empty()) {  // Measures the round trip.
        heartbeat_.ping_sent(now_ms());
        return write_frame(ws::Opcode::ping, false, heartbeat_.ping_payload());
    }
    write_frame(ws::Opcode::ping, false,
                payload.first(std::min(payload.size(), ws::control_payload_bytes_max)));
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
    std::array<std::byte, ws::control_payload_bytes_max> payload;
    const size_t size = ws::write_close_payload(payload.data(), code, reason);
    write_frame(ws::Opcode::close, false, std::span(payload).first(size));
}

void Connection::terminate() { stream_->close(net::Stream::Close::reset); }

}  // namespace starling::client
