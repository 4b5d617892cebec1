// server/gateway/asking.cpp: clients that the application lets in or refuses before their upgrade is answered.
#include <array>
#include <utility>

#include "server/gateway/part.h"
#include "server/http_connection.h"

namespace starling::server {
namespace {

// What the client gets for the application's answer, which is none of 2xx.
uint16_t refusal_of(const fetch::Answer& answer) noexcept {
    if (answer.status == 0) return 503;
    return answer.status >= 400 && answer.status <= 599 ? answer.status : 502;
}

}  // namespace

void GatewayClient::accept(const webhook::Accept& accept) {
    fields = webhook::Client({.conn_id = fields.conn_id(),
                              .user = accept.user ? std::string_view(*accept.user) : fields.user(),
                              .token = fields.token(),
                              .user_agent = fields.user_agent(),
                              .headers = fields.headers(),
                              .session = accept.session,
                              .is_public = fields.is_public()});
}

void GatewayPart::ask(std::unique_ptr<GatewayClient> client, HttpConnection& connection) {
    connection.begin_later();
    GatewayClient& asked = *client;
    asked.asked = true;
    asked_[asked.slot_key().slot] = {{std::move(client), 0}, connection.slot_key()};
    connection.watch(*this, asked.slot_key());
    make_ready(asked);
}

GatewayPart::Decision GatewayPart::take_decision(const HttpConnection& connection) {
    const base::SlotKey key = connection.watched_for();
    if (key.generation == 0) return {};
    const auto found = asked_.find(key.slot);
    if (found == asked_.end()) return {nullptr, 503};
    Decision decision = std::move(found->second.decision);
    asked_.erase(found);
    return decision;
}

void GatewayPart::decided(GatewayClient& client, const fetch::Answer& answer) {
    client.asked = false;
    if (answer.status >= 200 && answer.status < 300) return admitted(client, answer);
    if (answer.status == 0) log_failure(client, webhook::Action::open, answer, true);
    refused(client, refusal_of(answer));
}

void GatewayPart::admitted(GatewayClient& client, const fetch::Answer& answer) {
    gateway.counters().delivered.fetch_add(1, std::memory_order_relaxed);
    webhook::Actions actions = read_answer(client, answer, true);
    if (actions.accept) client.accept(*actions.accept);
    act(client,
        client.finished({.status = answer.status, .sent = true}, worker.loop().now_ms(), 0));
    const base::SlotKey key = client.slot_key();
    Asked& asked = asked_.at(key.slot);
    const base::SlotKey request = asked.request;
    if (!worker.replies().find(request)) return left_waiting(client);
    asked.decision.status = 101;
    go_on(request);
    GatewayClient* const opened = clients_.find(key);
    if (!opened || !opened->is_open()) return;
    if (actions.accept)
        for (const std::string& topic : actions.accept->topics) (void)opened->join(topic);
    perform_all(*opened, std::move(actions));
}

// The application has let in a client that is gone: it gets `close`.
void GatewayPart::left_waiting(GatewayClient& client) {
    (void)asked_.extract(client.slot_key().slot).mapped().decision.client.release();
    act(client, client.end());
}

void GatewayPart::refused(GatewayClient& client, uint16_t status) {
    (void)client.drop();
    const base::SlotKey key = client.slot_key();
    Asked& asked = asked_.at(key.slot);
    const base::SlotKey request = asked.request;
    asked.decision = {nullptr, status};  // The client is destroyed.
    if (worker.replies().find(request))
        go_on(request);
    else
        asked_.erase(key.slot);
}

void GatewayPart::go_on(base::SlotKey request) {
    HttpConnection* const connection = worker.replies().find(request);
    connection->close_if_throws([](HttpConnection& c) { c.decide_upgrade_now(); });
}

// The client has left before the application decided: what it decides still counts.
void GatewayPart::request_ended(base::SlotKey client, base::SlotKey, RequestEnd) {
    const auto found = asked_.find(client.slot);
    if (found != asked_.end()) found->second.request = {};
}

void GatewayPart::request_must_end(base::SlotKey client, base::SlotKey) {
    GatewayClient* const found = clients_.find(client);
    if (found && found->asked) refused(*found, 503);
}

}  // namespace starling::server
