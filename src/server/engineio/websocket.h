// server/engineio/websocket.h: the WebSocket of an Engine.IO session, as its transport or on probation.
//
// Owner: the WsConnection. It and its session know each other until either ends.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "server/connection.h"
#include "server/engineio/engine.h"
#include "server/ws_connection.h"

namespace starling::server {

class EngineSocket final : public WsHandler {
public:
    explicit EngineSocket(EngineSession& session) noexcept : session_(&session) {}

    void on_open(WsConnection& connection) override {
        connection_ = &connection;
        session_->socket_opened(*this);
    }
    void on_message(std::span<const std::byte> bytes, bool binary) override {
        if (session_) session_->on_frame(bytes, binary);
    }
    void on_drained() override {
        if (session_ && session_->on_websocket()) session_->on_drained();
    }
    void on_violation() override {
        if (session_) session_->socket_ended(engineio::Session::Event::websocket_error);
    }
    void go_away() override {
        if (session_) session_->drop(EngineClose::server_shutting_down);
    }
    void on_closed() override {
        if (session_) session_->socket_ended(engineio::Session::Event::websocket_closed);
    }

    [[nodiscard]] WsConnection& connection() const noexcept { return *connection_; }
    // The session has no use for it any more.
    void leave() noexcept { session_ = nullptr; }
    void close(uint16_t code) {
        leave();
        connection_->close(code, {});
    }

private:
    EngineSession* session_;
    WsConnection* connection_ = nullptr;
};

}  // namespace starling::server
