#include "server/gateway/ws_client.h"

#include <memory>
#include <string>
#include <utility>

#include "base/checked_cast.h"
#include "server/connection_facts.h"
#include "server/gateway/identity.h"
#include "server/gateway/outgoing.h"
#include "server/gateway/part.h"
#include "server/site.h"
#include "server/ws_connection.h"
#include "server/ws_handler.h"

namespace starling::server {
namespace {

// If only messages show that a client is alive, pings prove nothing, so none are sent.
std::chrono::milliseconds ping_interval_of(const gateway::Route& route) {
    const std::chrono::milliseconds usual = ws::Route().ping_interval;
    if (route.ping_timeout.count() == 0) return usual;
    if (route.keepalive == gateway::KeepAlive::messages) return std::chrono::milliseconds(0);
    return std::min(usual, route.ping_timeout / 2);
}

class WsClient final : public GatewayClient {
public:
    using GatewayClient::GatewayClient;

    void send(Outgoing& message) override {
        if (!connection_) return;
        route.part.worker.hub().catch_up(*connection_);
        connection_->deliver(message.websocket().publication);
    }
    void close(uint16_t code, std::string_view reason) override {
        if (connection_) connection_->close(code, reason);
    }
    void pause() override {
        if (connection_) connection_->pause();
    }
    void resume() override {
        if (connection_) connection_->resume();
    }
    bool join(std::string_view topic) override { return connection_ && connection_->join(topic); }
    bool leave(std::string_view topic) override { return connection_ && connection_->leave(topic); }
    [[nodiscard]] const hub::Subscriber* subscriber() const noexcept override {
        return connection_;
    }

    void set_connection(WsConnection* connection) noexcept { connection_ = connection; }

private:
    WsConnection* connection_ = nullptr;  // Null unless the connection is open.
};

// The data of each connection is its WsClient.
class WsClientHandler final : public WsHandler {
public:
    WsClientHandler(Gateway& gateway, size_t route)
        : WsHandler(Remembers{}), gateway_(gateway), route_(route) {}

    void admit(WsAdmission& admission) const override {
        if (!gateway_.budget().has_room()) {
            admission.status = 503;
            admission.reason = "too many webhooks wait for the application";
            admission.field_lines = "Retry-After: 1\r\n";
            return;
        }
        GatewayPart& part = gateway_.part(admission.worker);
        GatewayRoutePart& route = part.route(route_);
        const bool asks =
            route.site.options.admission == gateway::Admission::ask && route.application != nullptr;
        if (asks) {
            auto decision = part.take_decision(admission.connection);
            if (decision.status != 0) return decide(std::move(decision), admission);
        }
        const base::SlotKey key = part.next_key();
        const auto conn_id = part.make_conn_id(key);
        const auto token = part.make_token();
        auto identity = read_identity(
            {.fields = admission.request.headers(),
             .address = admission.request.remote_address(),
             .from_trusted_proxy = admission.request.from_trusted_proxy()},
            route.site, {conn_id.data(), conn_id.size()}, {token.data(), token.size()});
        if (!identity) {
            admission.status = 400;
            admission.reason = identity.error();
            return;
        }
        auto client = std::make_unique<WsClient>(route, key, identity->fields(),
                                                 webhook::Delivery::Begin::with_open);
        admission.later = asks;
        if (asks)
            part.ask(std::move(client), admission.connection);
        else
            admission.data = std::move(client);
    }
    void on_open(WsConnection& connection) const override {
        WsClient& client = client_of(connection);
        client.set_connection(&connection);
        gateway_.part(client.route.part.worker).opened(client);
    }
    void on_message(WsConnection& connection, ws::Message message) const override {
        WsClient& client = client_of(connection);
        client.route.part.received(client, message);
    }
    void on_ping(WsConnection& connection, std::string_view) const override {
        frame_came(connection);
    }
    void on_pong(WsConnection& connection, std::string_view) const override {
        frame_came(connection);
    }
    void describe(WsConnection& connection, ConnectionFacts& facts) const override {
        facts.kind = "gateway";
        facts.user = client_of(connection).fields.user();
    }
    void on_drained(WsConnection&) const override {}
    // Not called: a full queue closes the connection.
    void on_dropped(WsConnection&, uint64_t) const override {}
    void on_violation(WsConnection&) const override {}
    void on_server_stops(WsConnection&) const override {}
    void on_closed(WsConnection& connection, uint16_t, std::string_view,
                   ws::ClosedBy) const override {
        client_of(connection).set_connection(nullptr);
        GatewayPart& part = client_of(connection).route.part;
        part.closed(std::unique_ptr<GatewayClient>(
            &base::checked_cast<WsClient>(*connection.data().release())));
    }

private:
    static void decide(GatewayPart::Decision decision, WsAdmission& admission) {
        admission.data = std::move(decision.client);
        admission.status = decision.status;
        admission.reason = "the application does not let this client in";
        if (decision.status == 503) admission.field_lines = "Retry-After: 1\r\n";
    }
    static WsClient& client_of(WsConnection& connection) noexcept {
        return base::checked_cast<WsClient>(*connection.data());
    }
    static void frame_came(WsConnection& connection) {
        WsClient& client = client_of(connection);
        if (client.route.site.options.keepalive == gateway::KeepAlive::any)
            client.route.part.heard(client);
    }

    Gateway& gateway_;
    const size_t route_;
};

}  // namespace

void mount_ws_clients(Site& site, Gateway& gateway, size_t index) {
    const GatewayRoute& route = *gateway.routes()[index];
    ws::Route socket;
    socket.message_bytes_max = route.message_bytes_max;
    socket.ping_interval = ping_interval_of(route.options);
    socket.origins = route.any_origin ? std::vector<std::string>{"*"} : route.options.origins;
    auto endpoint = std::make_unique<WebSocketEndpoint>(
        std::move(socket), std::make_unique<WsClientHandler>(gateway, index));
    endpoint->echo_subprotocol = true;
    site.add_websocket(route.options.path, std::move(endpoint));
}

}  // namespace starling::server
