// The WebSocket endpoints of server events.
#include <string>
#include <utility>

#include "server/events/member.h"
#include "server/events/pages.h"
#include "server/worker.h"
#include "server/ws_connection.h"
#include "ws/fault.h"

namespace starling::server {

void EventMember::expired(hub::Subscriber& subscriber) {
    WsConnection::of(subscriber).close(login_expired_code, "the login has expired");
}

void EventMember::open(const Events& events, ws::Socket socket) {
    auto* const member = socket.data<EventMember>();
    WsConnection* const connection = socket.connection();
    EventsWorker* const host = events.here();
    if (member && connection && host)
        host->listen(*member, *connection, {}, [connection](const hub::Beginning& beginning) {
            if (beginning.failed) connection->close(ws::close_code::try_again_later, history_away);
            return !beginning.failed;
        });
}

WsConnection* EventMember::connection_of(ws::Socket socket) { return socket.connection(); }

ws::Route client_event_route(const Events& events) {
    ws::Route route;
    route.origins = events.options().origins;
    route.message = [&events](ws::Socket socket, ws::Message message) {
        if (message.is_binary()) return socket.close(1003, "text only");
        socket.send(events.answer(message.text()));
    };
    route.page = events.options().client_page ? events.options().client_page : client_event_page;
    return route;
}

ws::Route server_event_route(Events& events) {
    ws::Route route;
    route.origins = events.options().origins;
    route.upgrade = [&events](ws::Upgrade& upgrade) {
        EventsWorker* const host = events.here();
        if (!host) return upgrade.refuse(503);
        const Admission admission = events.admit(upgrade.request(), host->worker.now_s());
        if (admission.status == 401) upgrade.header("WWW-Authenticate", "Bearer");
        if (admission.status != 200) return upgrade.refuse(admission.status, admission.reason);
        auto& member = upgrade.emplace_data<EventMember>();
        host->enter(member, *admission.rule, admission.channel);
        if (admission.identity) host->log_in(member, *admission.identity);
    };
    route.open = [&events](ws::Socket socket) { EventMember::open(events, socket); };
    // Messages of a listener are ignored, except those with a new token.
    route.message = [&events](ws::Socket socket, ws::Message message) {
        if (message.is_binary()) return;
        if (auto* member = socket.data<EventMember>()) events.refresh(*member, message.text());
    };
    route.page = events.options().server_page ? events.options().server_page : server_event_page;
    return route;
}

}  // namespace starling::server
