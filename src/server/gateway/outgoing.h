// server/gateway/outgoing.h: a message to clients of the gateway, in the form that each kind of
// client needs. Each form is made when the first client needs it.
//
// Owner: the function that sends. Thread: a worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hub/hub.h"
#include "webhook/control.h"

namespace starling::server {

class Outgoing {
public:
    // One message of WebSocket, on its way to several clients.
    struct Piece {
        Piece(std::span<const std::byte> bytes, bool binary)
            : message{{}, bytes, binary}, publication{message} {}
        Piece(const Piece&) = delete;
        Piece& operator=(const Piece&) = delete;

        const hub::Message message;
        hub::Publication publication;
    };
    using Pieces = std::deque<Piece>;

    // The message must live longer than this object.
    explicit Outgoing(const webhook::Payload& payload);
    // `ack_id`: clients of Socket.IO are to acknowledge it.
    explicit Outgoing(const webhook::Event& event, std::optional<uint64_t> ack_id = {})
        : event_(&event), ack_id_(ack_id) {}
    explicit Outgoing(const hub::Message& message);
    Outgoing(const Outgoing&) = delete;
    Outgoing& operator=(const Outgoing&) = delete;

    // The form for clients of WebSocket; an event is the text {"event":NAME,"data":[ARGS]}.
    [[nodiscard]] Piece& websocket();
    // The form for clients of Socket.IO in that namespace: the text of a packet, then its
    // attachments. A message that is no event becomes the event "message" with one argument.
    [[nodiscard]] Pieces& socketio(std::string_view nsp);
    [[nodiscard]] std::optional<uint64_t> ack_id() const noexcept { return ack_id_; }
    // The number of clients that took the message.
    [[nodiscard]] size_t taken() const noexcept;

private:
    enum class Form : uint8_t { json, text, binary };
    struct Packet {
        std::string text;
        Pieces pieces;
    };

    [[nodiscard]] std::string packet_text(std::string_view nsp) const;

    const webhook::Event* event_ = nullptr;
    std::optional<uint64_t> ack_id_;
    std::string_view bytes_;  // Unused if `event_` is set.
    Form form_ = Form::text;
    std::string text_;  // Text of the event, for WebSocket.
    std::optional<Piece> websocket_;
    std::map<std::string, Packet, std::less<>> packets_;  // By namespace.
};

// An ack as a packet of Socket.IO, whose attachments follow.
[[nodiscard]] std::string ack_packet(std::string_view nsp, uint64_t id,
                                     const webhook::Arguments& args);

}  // namespace starling::server
