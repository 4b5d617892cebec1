// server/ws_handler.h: what a WebSocket connection reports its events to. The handler of a public ws::Route
// is one implementation (server/ws_route_handler.h), that of Engine.IO another
// (server/engineio/websocket.h). WsConnection does not know which one it has.
//
// Owner: the WebSocketEndpoint. One handler serves every connection of the endpoint, on all workers, so
// that a connection stores none: what a handler keeps for one connection is WsConnection::data().
// Thread: each call comes on the worker of its connection.
#pragma once

#include <starling/http.h>
#include <starling/websocket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace starling::server {

class Worker;
class WsConnection;

// A request to switch to WebSocket that the rules of the protocol let through, and what the handler decides.
struct WsAdmission {
    Worker& worker;
    const http::Request& request;
    std::span<const std::string_view> offered;  // Subprotocols.

    // The connection is opened: its data, a subprotocol in place of the choice from
    // ws::Route::subprotocols ("": none), and fields of the 101, "Name: value\r\n" each.
    std::unique_ptr<ws::detail::AnyData> data = {};
    std::optional<std::string> subprotocol = {};
    std::string field_lines = {};
    // The request is refused: by a status other than 101, with a reason and `field_lines`; or by a
    // whole answer.
    int status = 101;
    std::string reason = {};
    std::optional<http::Response> refusal = {};
};

class WsHandler {
public:
    // What a connection remembers for its handler. Each costs memory once there is something to remember.
    struct Remembers {
        bool close_reason = false;  // For on_closed().
        bool dropped = false;       // Messages that a full queue dropped; for on_dropped().
        bool subprotocol = false;   // For WsConnection::subprotocol().
    };

    explicit WsHandler(Remembers remembers) noexcept : remembers_(remembers) {}
    virtual ~WsHandler() = default;
    WsHandler(const WsHandler&) = delete;
    WsHandler& operator=(const WsHandler&) = delete;

    // Decides on a request. What it throws is logged and answered with 500.
    virtual void admit(WsAdmission& admission) const = 0;

    // What one of these throws is logged and closes its connection with 1011.
    virtual void on_open(WsConnection& connection) const = 0;
    // A whole message; it ends with the call. Not called once this side has sent a close frame.
    virtual void on_message(WsConnection& connection, ws::Message message) const = 0;
    // Answered already.
    virtual void on_ping(WsConnection& connection, std::string_view payload) const = 0;
    virtual void on_pong(WsConnection& connection, std::string_view payload) const = 0;
    // The send queue is empty again.
    virtual void on_drained(WsConnection& connection) const = 0;
    // So many messages were dropped since the last call, where Remembers::dropped asks for it.
    virtual void on_dropped(WsConnection& connection, uint64_t messages) const = 0;
    // The peer broke the protocol. The connection is closed after the call.
    virtual void on_violation(WsConnection& connection) const = 0;
    // The server stops. The connection is closed with 1001 after the call.
    virtual void on_server_stops(WsConnection& connection) const = 0;
    // The last call for this connection. Code and side as for ws::Route::close.
    virtual void on_closed(WsConnection& connection, uint16_t code, std::string_view reason,
                           ws::ClosedBy by) const = 0;

    [[nodiscard]] Remembers remembers() const noexcept { return remembers_; }

private:
    const Remembers remembers_;
};

}  // namespace starling::server
