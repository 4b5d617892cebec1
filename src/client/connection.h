// client/connection.h: an open WebSocket of a client on its stream: frames in and out.
//
// Owner: the stream. Thread: the loop's.
#pragma once

#include <starling/websocket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ref.h"
#include "net/stream.h"
#include "ws/closing.h"
#include "ws/deflate.h"
#include "ws/heartbeat.h"
#include "ws/receiver.h"
#include "ws/round_trip.h"

namespace starling::client {

class LoopCore;
class SocketCore;

class Connection final : public net::StreamHandler {
public:
    Connection(base::Ref<SocketCore> core, const std::optional<ws::DeflateParams>& deflate);
    ~Connection() override;
    void start();

    // net::StreamHandler
    void on_bytes(std::span<std::byte>& input) override;
    void on_ended() override;
    void on_drained() override;
    void on_timeout() override;
    void on_closed(net::CloseReason reason) override;

    // Called by ws/endpoint.h.
    void on_message(const ws::Event& event);
    void on_ping(std::string_view payload);
    void on_pong(std::span<const std::byte> payload);
    void on_peer_close(uint16_t code, std::string_view reason);
    void on_violation(uint16_t code, std::string_view reason);
    [[nodiscard]] bool may_send() const noexcept;
    void owe_pong(std::string_view payload);
    void write_control(ws::Opcode opcode, std::span<const std::byte> payload);

    void send(ws::Message message);
    void ping(std::span<const std::byte> payload);
    void pause();
    void resume();
    void terminate();
    // What ws::Closing says. `code` and `reason` are those of a close frame; 1005: a frame without a code.
    void act(const ws::Closing::Actions& actions, uint16_t code, std::string_view reason);
    // The core is told nothing more. A stream that does not close yet ends by itself.
    void leave();
    // Of messages, without frame headers, that the kernel has not taken.
    [[nodiscard]] uint64_t buffered_bytes() const noexcept;
    void want_drain();  // "drain" is told when the kernel has taken everything.
    void check_drained();
    [[nodiscard]] std::optional<std::chrono::milliseconds> round_trip_time() const noexcept {
        const auto ms = round_trip_.ms();
        return ms ? std::optional(std::chrono::milliseconds(*ms)) : std::nullopt;
    }

private:
    struct Extras;

    void ask_drained();
    void tell_drained();
    void write_pong_owed();
    void write_frame(ws::Opcode opcode, bool rsv1, std::span<const std::byte> payload);
    void write_close(uint16_t code, std::string_view reason);
    [[nodiscard]] bool fits(size_t bytes) const noexcept;
    [[nodiscard]] std::span<const std::byte> compress(std::span<const std::byte> payload);
    [[nodiscard]] uint32_t now_ms() const noexcept;
    [[nodiscard]] LoopCore& loop() const noexcept;
    [[nodiscard]] Extras& extras();
    [[nodiscard]] bool compresses() const noexcept;

    const base::Ref<SocketCore> core_;
    std::unique_ptr<Extras> extras_;  // Null without permessage-deflate, if no pong is owed.
    // Each lies in the padding of the one before.
    [[no_unique_address]] ws::Receiver receiver_;
    [[no_unique_address]] ws::Heartbeat heartbeat_;
    bool left_ : 1 = false;
    bool closing_ : 1 = false;      // A close frame was sent.
    bool drain_asked_ : 1 = false;  // The event "drain" is due.
    ws::RoundTrip round_trip_;
};
static_assert(sizeof(Connection) <= 72, "part of the 400 bytes that an idle connection may cost");

}  // namespace starling::client
