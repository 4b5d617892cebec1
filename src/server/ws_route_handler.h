// server/ws_route_handler.h: the handler of a public ws::Route: calls the application's handlers.
//
// Owner, thread: as in server/ws_handler.h.
#pragma once

#include "server/ws_handler.h"

namespace starling::server {

class WsRouteHandler final : public WsHandler {
public:
    // `route` must live as long as the handler.
    explicit WsRouteHandler(const ws::Route& route) noexcept;

    void admit(WsAdmission& admission) const override;
    void on_open(WsConnection& connection) const override;
    void on_message(WsConnection& connection, ws::Message message) const override;
    void on_ping(WsConnection& connection, std::string_view payload) const override;
    void on_pong(WsConnection& connection, std::string_view payload) const override;
    void on_drained(WsConnection& connection) const override;
    void on_dropped(WsConnection& connection, uint64_t messages) const override;
    void on_violation(WsConnection&) const override {}     // on_closed() reports the code.
    void on_server_stops(WsConnection&) const override {}  // on_closed() reports the code.
    void on_closed(WsConnection& connection, uint16_t code, std::string_view reason,
                   ws::ClosedBy by) const override;

private:
    const ws::Route& route_;
};

}  // namespace starling::server
