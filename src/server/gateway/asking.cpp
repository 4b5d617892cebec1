// server/gateway/asking.cpp: asks the application whether it admits a client, before the client's
// upgrade is answered.
#include <array>
#include <utility>

#include "server/gateway/part.h"
#include "server/http_connection.h"

namespace starling::server {
namespace {

// The client's status for an answer of the application that is not 2xx.
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
                              .nsp = fields.nsp(),
                              .address = fields.address(),
                              .is_public = fields.is_public()});
}

void GatewayPart::ask(std::unique_ptr<GatewayClient> client, HttpConnection& connection) {
    connection.begin_later();
    GatewayClient& asked = *client;
    asked.asked = true;
    asked_[asked.slot_key().slot] = {{std::move(client), 0}, connection.slot_key(), {}};
    connection.watch(*this, asked.slot_key());
    make_ready(asked);
}

void GatewayPart::ask(std::unique_ptr<GatewayClient> client, Decide decide) {
    GatewayClient& asked = *client;
    asked.asked = true;
    asked_[asked.slot_key().slot] = {{std::move(client), 0}, {}, std::move(decide)};
    make_ready(asked);
}

bool GatewayPart::waits(const Asked& asked) const noexcept {
    return asked.decide || worker.replies().find(asked.request);
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
    if (!waits(asked)) return left_waiting(client);
    asked.decision.status = 101;
    go_on(key);
    GatewayClient* const opened = clients_.find(key);
    if (!opened || !opened->is_open()) return;
    if (actions.accept) join(*opened, actions.accept->topics);
    perform_all(*opened, std::move(actions));
}

// The application has admitted a client that is gone: the application gets `close`.
void GatewayPart::left_waiting(GatewayClient& client) {
    left_admitted(std::move(asked_.extract(client.slot_key().slot).mapped().decision.client));
}

void GatewayPart::left_admitted(std::unique_ptr<GatewayClient> client) {
    GatewayClient& kept = *client.release();
    if (fetcher_) act(kept, kept.end(kept.kept_bytes()));
}

void GatewayPart::refused(GatewayClient& client, uint16_t status) {
    (void)client.drop();
    const base::SlotKey key = client.slot_key();
    Asked& asked = asked_.at(key.slot);
    asked.decision = {nullptr, status};  // The client is destroyed.
    if (waits(asked))
        go_on(key);
    else
        asked_.erase(key.slot);
}

void GatewayPart::go_on(base::SlotKey client) {
    const auto found = asked_.find(client.slot);
    if (found->second.decide) {
        Asked asked = std::move(found->second);
        asked_.erase(found);
        return asked.decide(std::move(asked.decision));
    }
    HttpConnection* const connection = worker.replies().find(found->second.request);
    connection->close_if_throws([](HttpConnection& c) { c.decide_upgrade_now(); });
}

void GatewayPart::left_asking(base::SlotKey client) noexcept {
    const GatewayClient* const found = clients_.find(client);
    if (found && found->asked) asked_.at(client.slot).decide = nullptr;
}

// The client has left before the application decided. The decision still counts: see
// left_waiting().
void GatewayPart::request_ended(base::SlotKey client, base::SlotKey, RequestEnd) {
    const auto found = asked_.find(client.slot);
    if (found != asked_.end()) found->second.request = {};
}

void GatewayPart::request_must_end(base::SlotKey client, base::SlotKey) {
    GatewayClient* const found = clients_.find(client);
    if (found && found->asked) refused(*found, 503);
}

}  // namespace starling::server
