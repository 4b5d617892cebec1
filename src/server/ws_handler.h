// server/ws_handler.h: handles the events of WebSocket connections. One implementation serves a
// public ws::Route (server/ws_route_handler.h), another one Engine.IO
// (server/engineio/websocket.h). WsConnection does not know which one it has.
//
// Owner: the WebSocketEndpoint. One handler serves all connections of the endpoint on all workers,
//        so a connection stores none. What a handler keeps for one connection is
//        WsConnection::data(). Thread: each call comes on the worker of its connection.
#pragma once

#include <starling/http.h>
#include <starling/websocket.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/ws_data.h"

namespace starling::server {

struct ConnectionFacts;
class HttpConnection;
class Worker;
class WsConnection;

// A request to switch to WebSocket that complies with the protocol, and the decision of the
// handler.
struct WsAdmission {
    Worker& worker;
    HttpConnection& connection;
    const http::Request& request;
    std::span<const std::string_view> offered;  // Subprotocols.

    // To open the connection: its data; optionally a subprotocol in place of the choice from
    // ws::Route::subprotocols ("": none), and fields of the 101 response as "Name: value\r\n".
    WsData data = {};
    std::optional<std::string> subprotocol = {};
    std::string field_lines = {};
    // To refuse the request: a status other than 101, a reason and `field_lines`; or a whole
    // response.
    int status = 101;
    std::string reason = {};
    std::optional<http::Response> refusal = {};
    // The handler decides later. It has called connection.begin_later(), and will call
    // connection.decide_upgrade_now(), which asks it again.
    bool later = false;
};

class WsHandler {
public:
    // Says which values a connection stores for its handler. A connection that has no such value
    // stores nothing, but for the peer's address.
    struct Remembers {
        // The reason of the close, for on_closed(); and the peer's address, for each connection.
        bool close_reason = false;
        // The number of messages that a full queue dropped; for on_dropped().
        bool dropped = false;
        bool subprotocol = false;  // For WsConnection::subprotocol().
    };

    explicit WsHandler(Remembers remembers) noexcept : remembers_(remembers) {}
    virtual ~WsHandler() = default;
    WsHandler(const WsHandler&) = delete;
    WsHandler& operator=(const WsHandler&) = delete;

    // Decides on a request. An exception is logged and answered with 500.
    virtual void admit(WsAdmission& admission) const = 0;

    // An exception from any of the following is logged and closes the connection with 1011.
    virtual void on_open(WsConnection& connection) const = 0;
    // A whole message; it ends with the call. Not called once this side has sent a close frame.
    virtual void on_message(WsConnection& connection, ws::Message message) const = 0;
    // The ping has been answered already.
    virtual void on_ping(WsConnection& connection, std::string_view payload) const = 0;
    virtual void on_pong(WsConnection& connection, std::string_view payload) const = 0;
    // The send queue is empty again.
    virtual void on_drained(WsConnection& connection) const = 0;
    // `messages` were dropped since the last call. Called only if Remembers::dropped is set.
    virtual void on_dropped(WsConnection& connection, uint64_t messages) const = 0;
    // The peer violated the protocol. The connection is closed after the call.
    virtual void on_violation(WsConnection& connection) const = 0;
    // The server stops. The connection is closed with 1001 after the call.
    virtual void on_server_stops(WsConnection& connection) const = 0;
    // The last call for this connection. `code` and `by` have the meaning of ws::Route::close.
    virtual void on_closed(WsConnection& connection, uint16_t code, std::string_view reason,
                           ws::ClosedBy by) const = 0;

    // Adds to what an operator sees of the connection.
    virtual void describe(WsConnection& connection, ConnectionFacts& facts) const {
        (void)connection, (void)facts;
    }
    // True: a message over ServerOptions::limits may be left out. False: it ends the connection.
    [[nodiscard]] virtual bool may_drop() const noexcept { return true; }
    // A connection is destroyed that has a borrowed object as its data.
    virtual void on_freed(WsConnection& connection) const noexcept { (void)connection; }

    [[nodiscard]] Remembers remembers() const noexcept { return remembers_; }

private:
    const Remembers remembers_;
};

}  // namespace starling::server
