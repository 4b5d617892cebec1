// server/ws_connection.h: one WebSocket on one stream: connects the stream, the protocol cores of
// ws/, the WsHandler of the endpoint and the hub.
//
// Owner: the stream; its memory is from Worker::slabs(). Other objects hold a ws::Socket (slot and generation). Thread: the worker's.
#pragma once

#include <starling/websocket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/checked_cast.h"
#include "base/slab.h"
#include "hub/hub.h"
#include "server/connection.h"
#include "server/ws_data.h"
#include "ws/closing.h"
#include "ws/deflate.h"
#include "ws/heartbeat.h"
#include "ws/receiver.h"
#include "ws/round_trip.h"

namespace starling::server {

class Inflows;
class Worker;

struct WsContext;
class WsFollower;

class WsConnection final : public Connection, public hub::Subscriber, public base::InSlab {
public:
    WsConnection(const WsContext& context, std::string_view subprotocol,
                 const std::optional<ws::DeflateParams>& deflate, WsData data);
    ~WsConnection() override;

    void start();  // Call it once this is the stream's handler. Calls WsHandler::on_open().

    // net::StreamHandler
    void on_bytes(std::span<std::byte>& input) override;
    void on_ended() override;
    void on_drained() override;
    void on_timeout() override;
    void on_closed(net::CloseReason reason) override;
    // Connection
    void go_away() override;
    void describe(ConnectionFacts& facts) override;
    void disconnect(uint16_t code, std::string_view reason) override { close(code, reason); }
    // hub::Subscriber
    void deliver(hub::Publication& publication) override;
    // Delivers a frame of text_frame() in place of the publication's message; never compressed.
    void deliver_frame(hub::Publication& publication, const base::SharedBytes& frame);
    [[nodiscard]] static base::SharedBytes text_frame(std::string_view text);
    // Called by ws/endpoint.h.
    void on_message(const ws::Event& event);
    void on_ping(std::string_view payload);
    void on_pong(std::span<const std::byte> payload);
    void on_peer_close(uint16_t code, std::string_view reason);
    void on_violation(uint16_t code, std::string_view reason);
    [[nodiscard]] bool may_send() const noexcept { return closing_.may_send(); }
    void owe_pong(std::string_view payload);
    void write_control(ws::Opcode opcode, std::span<const std::byte> payload);

    // Casts a stream's handler, or a subscriber, that the caller knows to be a WebSocket.
    [[nodiscard]] static WsConnection& of(net::StreamHandler& handler) noexcept {
        return base::checked_cast<WsConnection>(handler);
    }
    [[nodiscard]] static WsConnection& of(hub::Subscriber& subscriber) noexcept {
        return base::checked_cast<WsConnection>(subscriber);
    }

    // ---- See ws::Socket -------------------------------------------------------------------------
    // `compress_it` matters if compression was negotiated.
    ws::SendResult send(ws::Message message, bool compress_it = true);
    ws::SendResult ping(std::span<const std::byte> payload);
    void close(uint16_t code, std::string_view reason);
    void terminate();
    void pause();
    void resume();
    bool join(std::string_view topic);
    bool leave(std::string_view topic);
    // Returns how many subscribers of this worker took it.
    size_t publish(std::string_view topic, ws::Message message);
    [[nodiscard]] bool is_open() const noexcept {
        return closing_.may_send() && stream_->is_open();
    }
    // True if a message sent now leaves at the end of this tick.
    [[nodiscard]] bool is_writable() const noexcept { return is_open() && !stream_->is_blocked(); }
    [[nodiscard]] size_t buffered_amount() const noexcept;
    [[nodiscard]] std::string_view subprotocol() const noexcept;
    [[nodiscard]] std::string remote_address() const;
    // True: ServerOptions::limits let the client join one more channel now.
    [[nodiscard]] bool takes_join();
    [[nodiscard]] std::optional<uint32_t> round_trip_ms() const noexcept {
        return round_trip_.ms();
    }
    [[nodiscard]] bool compresses() const noexcept;
    [[nodiscard]] WsData& data() noexcept { return data_; }
    [[nodiscard]] ws::Socket socket() const noexcept;
    [[nodiscard]] Worker& worker() const noexcept;
    // Runs a posted call like a handler, if the socket is still open.
    void run(const Callback<void(ws::Socket)>& posted);
    // The follower sees the messages of both directions until unfollow(). Replaces the one before.
    void follow(std::shared_ptr<WsFollower> follower);
    void unfollow();
    // A handler, or a coroutine of a handler, has thrown.
    void handler_threw(std::string_view where, std::string_view what);
    // The suspended coroutines of this socket's handlers.
    [[nodiscard]] detail::Scope& coroutines();

private:
    struct Extras;  // Rarely used members.

    // False: the message is over a limit, and was dropped or has closed the connection.
    [[nodiscard]] bool takes_message(Inflows& inflows, size_t bytes);
    void write_pong_owed();
    void release_extras() noexcept;
    void release_codecs() noexcept;
    void act(const ws::Closing::Actions& actions, uint16_t code, std::string_view reason);
    void violate(uint16_t code, std::string_view reason);
    // Keeps the first reason given for closing, from either side.
    void note_reason(std::string_view reason);
    [[nodiscard]] ws::ClosedBy closed_by() const noexcept;
    void log_fault(uint16_t code, std::string_view reason);
    ws::SendResult note_dropped();
    void tell_dropped();
    void write_close(uint16_t code, std::string_view reason);
    template <class F>
    void call(std::string_view where, F&& handler);

    [[nodiscard]] bool fits(size_t bytes) const noexcept;
    [[nodiscard]] ws::SendResult admit(size_t bytes);
    [[nodiscard]] ws::SendResult admit_to_full_queue(size_t bytes);
    void write_message(ws::Opcode opcode, std::span<const std::byte> payload, bool compressed);
    void write_frame(ws::Opcode opcode, bool fin, bool rsv1, std::span<const std::byte> payload);
    void write_encoded(const hub::Publication& publication, const base::SharedBytes& frame);
    void note_queue();
    void tell_follower(std::span<const std::byte> bytes, bool binary) const;
    [[nodiscard]] bool wants_compressed(size_t bytes) const noexcept;
    [[nodiscard]] std::span<const std::byte> compress(std::span<const std::byte> payload);
    [[nodiscard]] Extras& extras();
    [[nodiscard]] uint32_t now_ms() const noexcept;

    const WsContext* context_;  // Another one while the connection is followed.
    std::unique_ptr<Extras> extras_;
    WsData data_;  // The handler's data for this connection.
    // Small members lie in the tail padding of the member before.
    [[no_unique_address]] ws::Receiver receiver_;
    ws::Closing closing_;
    [[no_unique_address]] ws::Heartbeat heartbeat_;
    uint8_t subprotocol_ = 0;  // 0: none; 255: in Extras; else 1 + the index in the route's list.
    ws::RoundTrip round_trip_;
};
static_assert(sizeof(WsConnection) <= 104,
              "part of the 250 bytes that an idle connection may cost");

}  // namespace starling::server
