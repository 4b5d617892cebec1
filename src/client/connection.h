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

#include "net/stream.h"
#include "ws/closing.h"
#include "ws/deflate.h"
#include "ws/heartbeat.h"
#include "ws/receiver.h"

namespace starling::client {

class LoopCore;
class SocketCore;

class Connection final : public net::StreamHandler {
public:
    Connection(std::shared_ptr<SocketCore> core, LoopCore& loop,
               const std::optional<ws::DeflateParams>& deflate);
    ~Connection() override;
    void start();

    // net::StreamHandler
    void on_bytes(std::span<std::byte>& input) override;
    void on_ended() override;
    void on_drained() override;
    void on_timeout() override;
    void on_closed(net::CloseReason reason) override;

    void send(ws::Message message);
    void ping(std::span<const std::byte> payload);
    void pause();
    void resume();
    void terminate();
    // What ws::Closing says. `code` and `reason` are those of a close frame; 1005: a frame without a code.
    void act(const ws::Closing::Actions& actions, uint16_t code, std::string_view reason);
    // The core is told nothing more. A stream that does not close yet ends by itself.
    void leave();
    [[nodiscard]] size_t queued_bytes() const noexcept { return stream_->queued_bytes(); }
    [[nodiscard]] std::optional<std::chrono::milliseconds> round_trip_time() const noexcept {
        return round_trip_;
    }

private:
    struct Codecs;

    [[nodiscard]] bool on_control(const ws::Event& event);
    void answer_ping(std::string_view payload);
    void write_pong_owed();
    void write_frame(ws::Opcode opcode, bool rsv1, std::span<const std::byte> payload);
    void write_close(uint16_t code, std::string_view reason);
    [[nodiscard]] bool fits(size_t bytes) const noexcept;
    [[nodiscard]] std::span<const std::byte> compress(std::span<const std::byte> payload);
    [[nodiscard]] bool waits_in_kernel() const;
    [[nodiscard]] uint32_t now_ms() const noexcept;

    const std::shared_ptr<SocketCore> core_;
    LoopCore& loop_;
    std::unique_ptr<Codecs> codecs_;  // Null without permessage-deflate.
    std::unique_ptr<std::string> pong_owed_;
    std::optional<std::chrono::milliseconds> round_trip_;
    [[no_unique_address]] ws::Receiver receiver_;
    [[no_unique_address]] ws::Heartbeat heartbeat_;
    bool left_ = false;
    bool closing_ = false;  // A close frame was sent.
};

}  // namespace starling::client
