#include "server/engineio/foreign.h"

#include "engineio/ids.h"
#include "server/engineio/engine_worker.h"
#include "server/engineio/exchange.h"
#include "server/engineio/polling.h"
#include "server/engineio/query.h"

namespace starling::server {

using State = engineio::Session::State;

bool ForeignSessions::may_have(const engineio::Query& query, engineio::Method method,
                               bool upgrade) noexcept {
    const bool is_websocket = query.transport == "websocket";
    return query.eio == "4" && method != engineio::Method::other && upgrade == is_websocket &&
           query.sid.size() == engineio::sid_length && engineio::parse_sid(query.sid).has_value();
}

bool ForeignAccess::may_post(const EngineSession& session) noexcept {
    const State state = session.core_.state();
    return session.revision() == 4 && state != State::websocket && state != State::closed;
}

bool ForeignAccess::may_poll(const EngineSession& session) noexcept {
    return may_post(session) && !session.poll() && session.unsent_reply_bytes() == 0;
}

bool ForeignAccess::may_upgrade(const EngineSession& session) noexcept {
    return session.revision() == 4 && session.core_.state() == State::polling &&
           !session.websocket_ &&
           engineio::may_upgrade(session.core_.transport(), session.host().engine.policy_);
}

bool ForeignAccess::is_paused(const EngineSession& session) noexcept {
    return session.core_.paused();
}

void ForeignAccess::poll(EngineSession& session, RelayedRequest& poll,
                         const http::Request& request) {
    const EngineQuery query(request.query_string());
    session.on_get(Exchange(poll), request, *query, poll.response);
}

void ForeignAccess::poll_ended(EngineSession& session, base::SlotKey poll, RequestEnd how) {
    session.request_ended(poll, how);
}

bool ForeignAccess::take(EngineSession& session, engineio::Link link,
                         const engineio::Packet& packet) {
    if (session.takes_packet(packet)) return session.take(link, packet), true;
    session.host().worker.counters().limited_messages.add();
    session.drop(EngineClose::forced_server_close);
    return false;
}

void ForeignAccess::attach(EngineSession& session, FarWebSocket& websocket) {
    session.websocket_opened(SessionWebSocket(websocket));
}

void ForeignAccess::websocket_ended(EngineSession& session, Event how) {
    session.websocket_ended(how);
}

void ForeignAccess::untie(EngineSession& session) noexcept { session.untie(); }

void ForeignAccess::drop(EngineSession& session, engineio::Reason reason) { session.drop(reason); }

EngineSession* ForeignAccess::take_over(Engine& engine, WsConnection& connection,
                                        const http::Request& request) {
    Worker& worker = connection.worker();
    const EngineQuery query(request.query_string());
    Engine::Refused refused;
    EngineSession* const session =
        engine.make_session(worker, request, *query, engineio::Transport::websocket, refused);
    if (!session) return nullptr;
    ++engine.host(worker).websockets;
    connection.data() = WsData::borrowed_from(*session);
    session->open_taken_over(SessionWebSocket(connection));
    return session;
}

}  // namespace starling::server
