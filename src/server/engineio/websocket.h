// server/engineio/websocket.h: the handler of all WebSockets of an Engine: each is the transport of
// an Engine.IO session, or is being probed by one.
//
// What a WebSocket keeps (WsConnection::data()) is the key of its session until it is open, then the
// session itself. The session knows its WebSocket. The end of one clears the pointer of the other.
// If the session is of another node, the WebSocket owns a ForwardedData.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/checked_cast.h"
#include "server/engineio/engine.h"
#include "server/ws_connection.h"
#include "server/ws_handler.h"

namespace starling::server {

// See ForwardedSocket. The calls are those of the EngineWsHandler.
class ForwardedData : public ws::detail::AnyData {
public:
    using Event = engineio::Session::Event;

    virtual void opened(WsConnection& connection) = 0;
    virtual void received(ws::Message message) = 0;
    virtual void drained() = 0;
    // Not only once.
    virtual void ended(Event event) = 0;
};

class EngineWsHandler final : public WsHandler {
public:
    explicit EngineWsHandler(Engine& engine) noexcept : WsHandler(Remembers{}), engine_(engine) {}

    void admit(WsAdmission& admission) const override { engine_.admit(admission); }
    void on_open(WsConnection& connection) const override;
    void on_message(WsConnection& connection, ws::Message message) const override {
        if (EngineSession* const session = session_of(connection)) [[likely]]
            session->on_frame(message.bytes(), message.is_binary());
        else if (ForwardedData* const forwarded = forwarded_of(connection))
            forwarded->received(message);
    }
    // The acks and attachments of a dropped packet would be missing.
    bool may_drop() const noexcept override { return false; }
    void on_ping(WsConnection&, std::string_view) const override {}
    void on_pong(WsConnection&, std::string_view) const override {}
    void on_drained(WsConnection& connection) const override {
        if (ForwardedData* const forwarded = forwarded_of(connection)) forwarded->drained();
    }
    // Not called: a full queue closes the connection.
    void on_dropped(WsConnection&, uint64_t) const override {}
    void on_violation(WsConnection& connection) const override {
        ended(connection, engineio::Session::Event::websocket_error);
    }
    void on_server_stops(WsConnection& connection) const override;
    void describe(WsConnection& connection, ConnectionFacts& facts) const override;
    void on_closed(WsConnection& connection, uint16_t, std::string_view,
                   ws::ClosedBy) const override {
        count(connection, -1);
        ended(connection, engineio::Session::Event::websocket_closed);
    }
    void on_freed(WsConnection& connection) const noexcept override;

private:
    void count(WsConnection& connection, int change) const noexcept;
    void ended(WsConnection& connection, engineio::Session::Event event) const;
    // Null: the session no longer needs the WebSocket, or never did.
    [[nodiscard]] static EngineSession* session_of(WsConnection& connection) noexcept {
        return connection.data().borrowed<EngineSession>();
    }
    // Null: the session is of this node.
    [[nodiscard]] static ForwardedData* forwarded_of(WsConnection& connection) noexcept {
        ws::detail::AnyData* const data = connection.data().get();
        return data ? &base::checked_cast<ForwardedData>(*data) : nullptr;
    }

    Engine& engine_;
};

}  // namespace starling::server
