// server/engineio/foreign.h: sessions that programs of another kind share with this one: Node.js with
// @socket.io/cluster-engine. A request for a session that is not here may be for one of theirs, and
// their clients' requests may be for a session of this worker.
//
// ForeignSessions: one for each worker and engine. Owner: the worker. Thread: the worker's.
#pragma once

#include <starling/http.h>

#include "base/slot_table.h"
#include "engineio/request.h"
#include "engineio/session.h"
#include "server/engineio/session_websocket.h"

namespace starling::server {

enum class RequestEnd : uint8_t;
class Engine;
class EngineSession;
class Figures;
class HttpConnection;
struct RelayedRequest;
struct WsAdmission;

class ForeignSessions {
public:
    // The ids in question have the shorter form of engineio/ids.h.
    [[nodiscard]] static bool may_have(const engineio::Query& query, engineio::Method method,
                                       bool upgrade) noexcept;

    // Promises the response to a poll or a POST, or fills it with a refusal.
    virtual void ask(HttpConnection& connection, const http::Request& request,
                     const engineio::Query& query, http::Response& response) = 0;
    // Admits the WebSocket, or refuses it.
    virtual void forward(WsAdmission& admission, const engineio::Query& query) = 0;
    // A request of a client of another program; null: it has ended.
    [[nodiscard]] virtual RelayedRequest* find(base::SlotKey key) noexcept = 0;
    virtual void add_figures(Figures& figures) const = 0;

protected:
    ~ForeignSessions() = default;
};

// What a client at another program may do with a session of this worker.
struct ForeignAccess {
    using Event = engineio::Session::Event;

    [[nodiscard]] static bool may_poll(const EngineSession& session) noexcept;
    [[nodiscard]] static bool may_post(const EngineSession& session) noexcept;
    [[nodiscard]] static bool may_upgrade(const EngineSession& session) noexcept;
    [[nodiscard]] static bool is_paused(const EngineSession& session) noexcept;
    // A poll, for which may_poll() is true. Its response is filled or promised.
    static void poll(EngineSession& session, RelayedRequest& poll, const http::Request& request);
    // The client of the poll has gone.
    static void poll_ended(EngineSession& session, base::SlotKey poll, RequestEnd how);
    // False: it is over a limit, and has ended the session.
    static bool take(EngineSession& session, engineio::Link link, const engineio::Packet& packet);
    // A WebSocket, for which may_upgrade() is true, and its end.
    static void attach(EngineSession& session, FarWebSocket& websocket);
    static void websocket_ended(EngineSession& session, Event how);
    static void untie(EngineSession& session) noexcept;
    static void drop(EngineSession& session, engineio::Reason reason);
    // Makes a session whose client has been told its id, by another program, and which is on a
    // WebSocket. Replaces the data of the connection. Null: it is refused.
    [[nodiscard]] static EngineSession* take_over(Engine& engine, WsConnection& connection,
                                                  const http::Request& request);
};

}  // namespace starling::server
