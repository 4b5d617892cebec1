// server/gateway/outgoing.h: a message to clients of the gateway, in the form that each kind of client needs. Each
// form is made when the first client needs it.
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

    // What is given must live longer.
    explicit Outgoing(const webhook::Payload& payload);
    explicit Outgoing(const webhook::Event& event) : event_(&event) {}
    explicit Outgoing(const hub::Message& message);
    Outgoing(const Outgoing&) = delete;
    Outgoing& operator=(const Outgoing&) = delete;

    // For clients of WebSocket: an event is the text {"event":NAME,"data":[ARGS]}.
    [[nodiscard]] Piece& websocket();
    // For clients of Socket.IO in that namespace: the packet's text, then its attachments. What is no event is the
    // event "message" with one argument.
    [[nodiscard]] Pieces& socketio(std::string_view nsp);
    // Clients that took the message.
    [[nodiscard]] size_t taken() const noexcept;

private:
    enum class Form : uint8_t { json, text, binary };
    struct Packet {
        std::string text;
        Pieces pieces;
    };

    [[nodiscard]] std::string packet_text(std::string_view nsp) const;

    const webhook::Event* event_ = nullptr;
    std::string_view bytes_;  // Unless there is an event.
    Form form_ = Form::text;
    std::string text_;  // The event, for WebSocket.
    std::optional<Piece> websocket_;
    std::map<std::string, Packet, std::less<>> packets_;  // By namespace.
};

// An ack as a packet of Socket.IO; its attachments follow it.
[[nodiscard]] std::string ack_packet(std::string_view nsp, uint64_t id,
                                     const webhook::Arguments& args);

}  // namespace starling::server
