// server/engineio/websocket.h: the WebSocket of an Engine.IO session, as its transport or being
// probed.
//
// Owner: the WsConnection. The socket and its session are base::Tied: the end of one clears the
//        pointer of the other.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "server/engineio/engine.h"
#include "server/ws_connection.h"
#include "server/ws_handler.h"

namespace starling::server {

class EngineSocket final : public ws::detail::AnyData,
                           public base::Tied<EngineSocket, EngineSession>,
                           public base::InSlab {
public:
    // Stays untied if the session already has a WebSocket.
    explicit EngineSocket(EngineSession& session) noexcept;

    // Called by the EngineWsHandler.
    void opened(WsConnection& connection) {
        connection_ = &connection;
        if (!tied()) return connection.close(ws::close_code::normal, {});
        tied()->socket_opened(*this);
    }
    void received(ws::Message message) {
        if (tied()) tied()->on_frame(message.bytes(), message.is_binary());
    }
    void server_stops() {
        if (tied()) tied()->drop(EngineClose::server_shutting_down);
    }
    void ended(engineio::Session::Event event) {
        if (tied()) tied()->socket_ended(event);
    }

    [[nodiscard]] WsConnection& connection() const noexcept { return *connection_; }
    void describe(ConnectionFacts& facts) {
        if (tied()) tied()->describe(facts);
    }
    // The session no longer needs the WebSocket.
    void close(uint16_t code) {
        untie();
        connection_->close(code, {});
    }

private:
    WsConnection* connection_ = nullptr;  // Set by opened(). The connection owns this object.
};

// The handler of all WebSockets of an Engine. The data of each connection is its EngineSocket.
class EngineWsHandler final : public WsHandler {
public:
    explicit EngineWsHandler(Engine& engine) noexcept : WsHandler(Remembers{}), engine_(engine) {}

    void admit(WsAdmission& admission) const override { engine_.admit(admission); }
    void on_open(WsConnection& connection) const override {
        count(connection, +1);
        socket_of(connection).opened(connection);
    }
    void on_message(WsConnection& connection, ws::Message message) const override {
        socket_of(connection).received(message);
    }
    // The acks and attachments of a dropped packet would be missing.
    bool may_drop() const noexcept override { return false; }
    void on_ping(WsConnection&, std::string_view) const override {}
    void on_pong(WsConnection&, std::string_view) const override {}
    void on_drained(WsConnection&) const override {}
    // Not called: a full queue closes the connection.
    void on_dropped(WsConnection&, uint64_t) const override {}
    void on_violation(WsConnection& connection) const override {
        socket_of(connection).ended(engineio::Session::Event::websocket_error);
    }
    void on_server_stops(WsConnection& connection) const override {
        socket_of(connection).server_stops();
    }
    void describe(WsConnection& connection, ConnectionFacts& facts) const override;
    void on_closed(WsConnection& connection, uint16_t, std::string_view,
                   ws::ClosedBy) const override {
        count(connection, -1);
        socket_of(connection).ended(engineio::Session::Event::websocket_closed);
    }

private:
    void count(const WsConnection& connection, int change) const noexcept;
    [[nodiscard]] static EngineSocket& socket_of(WsConnection& connection) noexcept {
        return base::checked_cast<EngineSocket>(*connection.data());
    }

    Engine& engine_;
};

inline EngineSocket* EngineSession::socket() const noexcept { return tied(); }

inline EngineSocket::EngineSocket(EngineSession& session) noexcept {
    if (!session.socket()) tie(session);
}

}  // namespace starling::server
