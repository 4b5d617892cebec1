// ws/endpoint.h: what both ends of a WebSocket do with their stream: a turn of receiving, pings and
// pongs (RFC 6455 sections 5.5.2 and 5.5.3), close frames. server::WsConnection and
// client::Connection call these templates; what differs between the roles stays with the caller.
//
// `Stream` is net::Stream, which this layer does not know; tests have a simulated one. `Connection`
// is the caller. Each template says which functions of the caller it needs.
//
// Thread: the connection's own.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/text.h"
#include "ws/frame.h"
#include "ws/heartbeat.h"
#include "ws/receiver.h"

namespace starling::ws {

// The limits of a connection's turn. After it other connections have theirs, and the rest waits.
inline constexpr uint32_t turn_events_max = 512;
inline constexpr size_t turn_bytes_max = 256 * 1024;  // Bytes of messages, decompressed.
// Pongs are offered to the kernel after this many bytes, to notice a blocked stream before many pongs
// are queued.
inline constexpr size_t pongs_queued_bytes_max = 4096;

// The pong is sent before the answers to later messages. While the kernel takes nothing, only the
// newest ping is kept, so that a flood of pings queues one pong. The caller writes the pong that it
// owes when the kernel takes bytes again, and before a close frame.
//
// Calls may_send(), owe_pong(payload), write_control(opcode, payload).
template <class Connection, class Stream>
void answer_ping(Connection& connection, Stream& stream, std::span<const std::byte> payload) {
    if (!connection.may_send()) return;
    if (stream.queued_bytes() >= pongs_queued_bytes_max) stream.offer_queued();
    if (stream.is_blocked())
        connection.owe_pong(base::text_of(payload));
    else
        connection.write_control(Opcode::pong, payload);
}

// Takes an event that is no message. False: nothing more may be received.
template <class Connection, class Stream>
[[nodiscard]] bool take_control(Connection& connection, Stream& stream, const Event& event) {
    switch (event.kind) {
        case Event::Kind::ping:
            answer_ping(connection, stream, event.bytes);
            connection.on_ping(base::text_of(event.bytes));
            return true;
        case Event::Kind::pong: connection.on_pong(event.bytes); return true;
        case Event::Kind::close: connection.on_peer_close(event.code, event.reason); return true;
        case Event::Kind::violation:
            connection.on_violation(event.code, event.reason);
            return false;
        case Event::Kind::message:
        case Event::Kind::need_more: break;
    }
    return false;
}

// One turn: receives until the input is used up, the stream is paused or closes, or the turn is over.
// A handler may pause or close the stream; then what is left stays in `input`.
//
// Calls on_message(event), on_ping(payload), on_pong(payload), on_peer_close(code, reason),
// on_violation(code, reason), and what answer_ping() calls.
template <class Connection, class Stream>
void receive(Connection& connection, Stream& stream, Receiver& receiver,
             std::span<std::byte>& input) {
    uint32_t events_left = turn_events_max;
    size_t bytes = 0;
    while (stream.is_open() && !stream.is_paused()) {
        const Event event = receiver.next(input);
        if (event.kind == Event::Kind::message)
            connection.on_message(event);
        else if (event.kind == Event::Kind::need_more || !take_control(connection, stream, event))
            return;
        bytes += event.bytes.size();
        if ((--events_left == 0 || bytes >= turn_bytes_max) && !input.empty())
            return stream.yield_turn();
    }
    if (stream.is_open()) receiver.release();  // Paused, for an unknown time.
}

// The peer's silence while nothing was read proves nothing.
template <class Stream>
void resume_receiving(Stream& stream, Heartbeat& heartbeat, uint32_t now_ms) {
    if (!stream.is_open() || !stream.is_paused()) return;
    heartbeat.restart(now_ms);
    stream.resume_receiving();
}

// The timer has run out, and no close frame was sent. False: the peer is dead.
//
// Calls write_control(opcode, payload).
template <class Connection, class Stream>
[[nodiscard]] bool keep_alive(Connection& connection, Stream& stream, Heartbeat& heartbeat,
                              const HeartbeatOptions& options, uint32_t now_ms) {
    // A ping would wait behind bytes that the peer has not read. While these move, the peer is alive;
    // if they do not, the loop closes the connection. A paused connection would not read the pong.
    if (!stream.is_blocked() && !stream.is_paused()) {
        const auto step = heartbeat.on_timer(options, now_ms);
        if (step.action == Heartbeat::Action::send_ping)
            connection.write_control(Opcode::ping, heartbeat.ping_payload());
        if (step.action != Heartbeat::Action::dead) {
            if (step.next_in_ms) stream.set_timeout(step.next_in_ms);
            return true;
        }
        // Our ping may wait behind megabytes in the kernel that the peer takes slowly.
        if (stream.unsent_bytes() < pongs_queued_bytes_max || !stream.peer_takes()) return false;
    }
    heartbeat.on_bytes(now_ms);
    stream.set_timeout(options.interval_ms);
    return true;
}

// A ping of the application; an empty one measures the round trip. False: dropped, as the kernel
// takes nothing.
//
// Calls write_control(opcode, payload).
template <class Connection, class Stream>
bool send_ping(Connection& connection, Stream& stream, Heartbeat& heartbeat,
               std::span<const std::byte> payload, uint32_t now_ms) {
    if (stream.is_blocked()) return false;
    if (payload.empty()) {
        heartbeat.ping_sent(now_ms);
        connection.write_control(Opcode::ping, heartbeat.ping_payload());
    } else {
        connection.write_control(
            Opcode::ping, payload.first(std::min(payload.size(), control_payload_bytes_max)));
    }
    return true;
}

// `code` 1005: a frame without a code.
//
// Calls write_control(opcode, payload).
template <class Connection>
void write_close(Connection& connection, uint16_t code, std::string_view reason) {
    std::array<std::byte, control_payload_bytes_max> payload;
    const size_t size = write_close_payload(payload.data(), code, reason);
    connection.write_control(Opcode::close, std::span<const std::byte>(payload).first(size));
}

// A message larger than the whole queue passes if nothing is queued: the limit is for peers that do
// not read, not for large messages.
[[nodiscard]] constexpr bool fits_queue(size_t queued_bytes, size_t message_bytes,
                                        size_t queue_bytes_max) noexcept {
    return queued_bytes == 0 || queued_bytes + message_bytes <= queue_bytes_max;
}

}  // namespace starling::ws
