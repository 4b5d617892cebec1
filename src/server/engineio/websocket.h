// server/engineio/websocket.h: the WebSocket of an Engine.IO session, as its transport or on probation.
//
// Owner: the WsConnection. It and its session know each other until either ends (base::Tied).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "server/connection.h"
#include "server/engineio/engine.h"
#include "server/ws_connection.h"

namespace starling::server {

class EngineSocket final : public WsHandler, public base::Tied<EngineSocket, EngineSession> {
public:
    // Belongs to no session where that has a WebSocket already.
    explicit EngineSocket(EngineSession& session) noexcept;

    void on_open(WsConnection& connection) override {
        connection_ = &connection;
        if (!tied()) return connection.close(ws::close_code::normal, {});
        tied()->socket_opened(*this);
    }
    void on_message(std::span<const std::byte> bytes, bool binary) override {
        if (tied()) tied()->on_frame(bytes, binary);
    }
    void on_drained() override {
        if (tied() && tied()->on_websocket()) tied()->on_drained();
    }
    void on_violation() override {
        if (tied()) tied()->socket_ended(engineio::Session::Event::websocket_error);
    }
    void go_away() override {
        if (tied()) tied()->drop(EngineClose::server_shutting_down);
    }
    void on_closed() override {
        if (tied()) tied()->socket_ended(engineio::Session::Event::websocket_closed);
    }

    [[nodiscard]] WsConnection& connection() const noexcept { return *connection_; }
    // The session has no use for it any more.
    void close(uint16_t code) {
        untie();
        connection_->close(code, {});
    }

private:
    WsConnection* connection_ = nullptr;  // From on_open() on; it owns this object.
};

inline EngineSocket* EngineSession::socket() const noexcept { return tied(); }

inline EngineSocket::EngineSocket(EngineSession& session) noexcept {
    if (!session.socket()) tie(session);
}

}  // namespace starling::server
