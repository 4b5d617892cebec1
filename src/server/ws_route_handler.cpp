#include "server/ws_route_handler.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/tokens.h"
#include "server/ws_connection.h"

namespace starling::ws {

bool Upgrade::subprotocol(std::string_view name) {
    if (!name.empty() && std::ranges::find(offered_, name) == offered_.end()) return false;
    subprotocol_ = name;
    return true;
}

Upgrade& Upgrade::header(std::string_view name, std::string_view value) {
    if (!base::is_token(name) || !std::ranges::all_of(value, base::is_field_char))
        throw std::invalid_argument("not a header field");
    header_lines_.append(name).append(": ").append(value).append("\r\n");
    return *this;
}

}  // namespace starling::ws

namespace starling::server {

WsRouteHandler::WsRouteHandler(const ws::Route& route) noexcept
    : WsHandler({.close_reason = static_cast<bool>(route.close),
                 .dropped = static_cast<bool>(route.dropped),
                 .subprotocol = true}),
      route_(route) {}

void WsRouteHandler::admit(WsAdmission& admission) const {
    if (!route_.upgrade) return;
    ws::Upgrade upgrade(admission.request, admission.offered);
    route_.upgrade(upgrade);
    admission.field_lines = std::move(upgrade.header_lines_);
    if (upgrade.refused_status_ == 0) {
        admission.data = std::move(upgrade.data_);
        admission.subprotocol = std::move(upgrade.subprotocol_);
        return;
    }
    if (upgrade.refused_status_ < 200 || upgrade.refused_status_ > 599)
        throw std::invalid_argument("refused with a status outside 200 to 599");
    admission.status = upgrade.refused_status_;
    admission.reason = upgrade.refused_reason_.empty() ? "refused" : upgrade.refused_reason_;
}

void WsRouteHandler::on_open(WsConnection& connection) const {
    if (route_.open) route_.open(connection.socket());
}

void WsRouteHandler::on_message(WsConnection& connection, ws::Message message) const {
    if (route_.message) route_.message(connection.socket(), message);
}

void WsRouteHandler::on_ping(WsConnection& connection, std::string_view payload) const {
    if (route_.ping) route_.ping(connection.socket(), payload);
}

void WsRouteHandler::on_pong(WsConnection& connection, std::string_view payload) const {
    if (route_.pong) route_.pong(connection.socket(), payload);
}

void WsRouteHandler::on_drained(WsConnection& connection) const {
    if (route_.drain && connection.is_open()) route_.drain(connection.socket());
}

void WsRouteHandler::on_dropped(WsConnection& connection, uint64_t messages) const {
    route_.dropped(connection.socket(), messages);
}

void WsRouteHandler::on_closed(WsConnection& connection, uint16_t code, std::string_view reason,
                               ws::ClosedBy by) const {
    if (route_.close) route_.close(connection.socket(), code, reason, by);
}

}  // namespace starling::server
