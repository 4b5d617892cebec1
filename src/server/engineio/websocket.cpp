#include "server/engineio/websocket.h"

#include "server/connection_facts.h"
#include "server/engineio/engine_worker.h"

namespace starling::server {

void EngineWsHandler::on_open(WsConnection& connection) const {
    count(connection, +1);
    if (ForwardedData* const forwarded = forwarded_of(connection))
        return forwarded->opened(connection);
    EngineSession* const session = engine_.host(connection.worker()).find(connection.data().key());
    // The session has ended, or it has another WebSocket.
    if (!session || session->websocket_) return connection.close(ws::close_code::normal, {});
    connection.data() = WsData::borrowed_from(*session);
    session->websocket_opened(SessionWebSocket(connection));
}

void EngineWsHandler::on_server_stops(WsConnection& connection) const {
    if (EngineSession* const session = session_of(connection))
        session->drop(EngineClose::server_shutting_down);
}

void EngineWsHandler::ended(WsConnection& connection, engineio::Session::Event event) const {
    if (EngineSession* const session = session_of(connection))
        session->websocket_ended(event);
    else if (ForwardedData* const forwarded = forwarded_of(connection))
        forwarded->ended(event);
}

// The loop ends: no other call told of the end.
void EngineWsHandler::on_freed(WsConnection& connection) const noexcept {
    if (EngineSession* const session = session_of(connection)) session->untie();
}

// The owner of a session counts its WebSocket.
void EngineWsHandler::count(WsConnection& connection, int change) const noexcept {
    if (forwarded_of(connection)) return;
    engine_.host(connection.worker()).websockets += static_cast<uint64_t>(change);
}

void EngineWsHandler::describe(WsConnection& connection, ConnectionFacts& facts) const {
    facts.kind = "socketio";
    if (const EngineSession* const session = session_of(connection)) session->describe(facts);
}

}  // namespace starling::server
