#include "server/gateway/part.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "server/gateway/outgoing.h"

namespace starling::server {
namespace {

constexpr std::string_view pong = R"({"event":"pong"})";
constexpr uint16_t silent_code = 4408;

uint32_t ms_of(std::chrono::milliseconds time) noexcept {
    return static_cast<uint32_t>(std::clamp<int64_t>(time.count(), 1, INT32_MAX));
}

fetch::TargetOptions target_of(const GatewayRoute& route) {
    return {.url = route.application->url,
            .unix_socket = route.application->unix_socket,
            .ca_path = route.options.ca_path,
            .connect_timeout_ms = ms_of(route.options.connect_timeout),
            .timeout_ms = ms_of(route.options.webhook_timeout),
            .follow_redirects = route.retry.rules == webhook::Rules::at_most_once};
}

}  // namespace

GatewayClient::GatewayClient(GatewayRoutePart& part, base::SlotKey key,
                             const webhook::ClientFields& known, Begin begin)
    : Delivery(part.deliveries, begin), route(part), fields(known), key_(key) {
    part.part.clients_.insert(*this);
}

GatewayClient::~GatewayClient() {
    GatewayPart& part = route.part;
    if (is_open()) part.index_.erase(GatewayIndex::s_iterator_to(*this));
    part.clients_.remove(*this);
}

GatewayPart::GatewayPart(Gateway& g, Worker& w)
    : gateway(g),
      worker(w),
      fetcher_(std::make_unique<fetch::Fetcher>(w.loop(), static_cast<fetch::Receiver&>(*this))) {
    for (const auto& site : g.routes()) {
        auto route =
            std::make_unique<GatewayRoutePart>(*this, *site, g.delivery_options(*site), g.budget());
        if (site->application) route->application = &fetcher_->add(target_of(*site));
        routes_.push_back(std::move(route));
    }
}

// Deletes the clients without a connection; a connection has deleted its own client.
GatewayPart::~GatewayPart() {
    asked_.clear();
    for (uint32_t slot = 0; slot < clients_.slots(); ++slot) delete clients_.object_at(slot);
}

void GatewayPart::loop_ended() noexcept {
    fetcher_.reset();
    for (const Flight& flight : flights_) gateway.budget().give_back(flight.bytes);
    flights_.clear();
    int64_t left = 0;
    for (uint32_t slot = 0; slot < clients_.slots(); ++slot)
        if (const GatewayClient* const client = clients_.object_at(slot))
            left += client->route.application != nullptr;
    if (left == 0) return;
    try {
        const std::array<log::Field, 1> fields{{{"clients", left}}};
        worker.log(log::Level::warn,
                   "gateway: stopped before every webhook was delivered: the rest is lost", fields);
    } catch (const std::bad_alloc&) {}
}

std::array<char, webhook::uuid_length> GatewayPart::make_conn_id(base::SlotKey key) {
    std::array<std::byte, 16> random;
    random_.take(random);
    return gateway.conn_ids().make({worker.index(), key.slot}, random);
}

std::array<char, webhook::uuid_length> GatewayPart::make_token() {
    std::array<std::byte, 16> random;
    random_.take(random);
    return webhook::make_uuid(random);
}

// ---- clients
// --------------------------------------------------------------------------------------

void GatewayPart::opened(GatewayClient& client) {
    index_.insert(client);
    gateway.counters().connections.fetch_add(1, std::memory_order_relaxed);
    gateway.log().opened(client);
    heard(client);
    if (!client.route.application)
        (void)client.drop();  // No webhook is ever due.
    else if (client.phase() == webhook::Delivery::Phase::due)
        make_ready(client);
}

void GatewayPart::heard(GatewayClient& client) {
    client.heard_ms = worker.loop().now_ms();
    if (client.linked()) client.unlink();
    GatewayRoutePart& route = client.route;
    if (client.paused() || !route.site.watches_silence) return;
    client.insert_before(route.heard);
    if (route.silence_timer == 0) watch_silence(route);
}

void GatewayPart::received(GatewayClient& client, ws::Message message) {
    heard(client);
    const GatewayRoute& site = client.route.site;
    std::string data;
    if (!message.is_binary()) {
        const webhook::ClientText text = webhook::read_client_text(message.text());
        if (webhook::is_ping(text)) return answer_ping(client);
        if (client.route.application) data = webhook::data_of(text, site.data);
    } else {
        const std::string_view bytes = base::text_of(message.bytes());
        if (site.binary_ping && base::utf8_is_valid(bytes) &&
            webhook::is_ping(webhook::read_client_text(bytes)))
            return answer_ping(client);
        if (client.route.application) data = webhook::data_of_binary(bytes, site.data);
    }
    if (!client.route.application) return gateway.log().message(client, message);
    act(client, client.push(std::move(data)));
}

void GatewayPart::answer_ping(GatewayClient& client) {
    const hub::Message message{{}, base::bytes_of(pong), false};
    Outgoing outgoing(message);
    client.send(outgoing);
}

void GatewayPart::received(GatewayClient& client, std::string data,
                           std::optional<uint64_t> ack_id) {
    if (!client.route.application) return gateway.log().event(client, data);
    act(client, client.push(std::move(data), ack_id));
}

void GatewayPart::acknowledged(GatewayClient& client, std::string data, uint64_t ack_id) {
    if (!client.is_open()) return;
    if (!client.route.application) return gateway.log().event(client, data);
    act(client, client.push_ack(std::move(data), ack_id));
}

void GatewayPart::post(GatewayClient& client, void (*call)(GatewayClient&)) {
    if (!fetcher_) return;  // The loop has ended.
    worker.loop().post([this, call, key = client.slot_key()] {
        if (GatewayClient* const found = clients_.find(key)) call(*found);
    });
}

void GatewayPart::closed(std::unique_ptr<GatewayClient> client) {
    if (!client->is_open()) return;  // Destroys a client that never opened.
    index_.erase(GatewayIndex::s_iterator_to(*client));
    client->unlink();
    gateway.counters().connections.fetch_sub(1, std::memory_order_relaxed);
    gateway.log().closed(*client);
    if (!client->route.application || !fetcher_) return;
    GatewayClient& kept = *client.release();
    GatewayRoutePart& route = kept.route;
    act(kept, kept.end(kept.kept_bytes()));
    drop_excess(route);
}

void GatewayPart::drop_excess(GatewayRoutePart& route) {
    while (webhook::Delivery* const oldest = route.deliveries.excess()) {
        gateway.counters().closes_dropped.fetch_add(1, std::memory_order_relaxed);
        if (may_log(drops_)) {
            const std::array<log::Field, 2> fields{
                {{"conn_id", static_cast<GatewayClient&>(*oldest).fields.conn_id()},
                 {"count", static_cast<int64_t>(std::exchange(drops_.count, 0))}}};
            worker.log(log::Level::warn,
                       "gateway: too many clients have gone whose `close` waits: the oldest is "
                       "dropped",
                       fields);
        }
        act(static_cast<GatewayClient&>(*oldest), oldest->drop());
    }
}

GatewayClient* GatewayPart::find(std::string_view conn_id) const noexcept {
    const auto place = gateway.conn_ids().place_of(conn_id);
    if (!place || place->worker != worker.index() || place->slot >= clients_.slots())
        return nullptr;
    GatewayClient* const client = clients_.object_at(place->slot);
    return client && client->is_open() && client->fields.conn_id() == conn_id ? client : nullptr;
}

// ---- silence
// --------------------------------------------------------------------------------------

void GatewayPart::watch_silence(GatewayRoutePart& route) {
    const auto* const oldest = static_cast<GatewayClient*>(route.heard.next());
    const uint64_t due_ms =
        oldest->heard_ms + static_cast<uint64_t>(route.site.options.ping_timeout.count());
    const uint64_t now_ms = worker.loop().now_ms();
    route.silence_timer = worker.loop().after(due_ms > now_ms ? due_ms - now_ms : 0,
                                              [this, &route] { close_silent(route); });
}

void GatewayPart::close_silent(GatewayRoutePart& route) {
    route.silence_timer = 0;
    const auto timeout_ms = static_cast<uint64_t>(route.site.options.ping_timeout.count());
    while (route.heard.linked()) {
        auto& oldest = static_cast<GatewayClient&>(*route.heard.next());
        if (worker.loop().now_ms() < oldest.heard_ms + timeout_ms) return watch_silence(route);
        oldest.unlink();
        oldest.close(silent_code, "no message for too long");
    }
}

// ---- webhooks
// -------------------------------------------------------------------------------------

void GatewayPart::act(GatewayClient& client, webhook::Delivery::Effects effects) {
    if (effects.start_timer) {
        const uint64_t now_ms = worker.loop().now_ms();
        const uint64_t due_ms = client.deadline_ms();
        worker.loop().after(due_ms > now_ms ? due_ms - now_ms : 0, [this, key = client.slot_key()] {
            GatewayClient* const found = clients_.find(key);
            if (found) act(*found, found->on_timer(worker.loop().now_ms()));
        });
    }
    if (effects.ready) make_ready(client);
    if (effects.pause && client.is_open()) {
        client.unlink();  // No silence is measured during the pause.
        client.pause();
    }
    if (effects.resume && client.is_open()) {
        heard(client);
        client.resume();
    }
    if (effects.done && !client.is_open()) delete &client;
}

void GatewayPart::make_ready(GatewayClient& client) {
    client.route.ready.push_back(client.slot_key());
    start_ready(client.route);
}

void GatewayPart::start_ready(GatewayRoutePart& route) {
    while (!route.ready.empty() && route.in_flight < route.site.options.webhooks_in_flight_max) {
        GatewayClient* const client = clients_.find(route.ready.front());
        route.ready.pop_front();
        if (client && client->phase() == webhook::Delivery::Phase::due) try_start(*client);
    }
}

void GatewayPart::try_start(GatewayClient& client) {
    try {
        start(client);
    } catch (const std::exception& error) {  // If memory runs out, only this client suffers.
        worker.log_exception("gateway", error.what());
        give_up(client);
    }
}

// Drops the client's webhooks and closes its connection.
void GatewayPart::give_up(GatewayClient& client) {
    if (std::exchange(client.asked, false)) return refused(client, 503);
    client.close(ws::close_code::internal_error, {});
    act(client, client.drop());
}

void GatewayPart::start(GatewayClient& client) {
    GatewayRoutePart& route = client.route;
    if (!fetcher_) return;
    const webhook::Delivery::Due due = client.due();
    std::string body;
    webhook::append_body(body, due.action, due.data, client.fields, due.ack_id);
    const std::string headers = headers_of(client, due, body);
    if (free_flights_.empty()) {
        free_flights_.push_back(static_cast<uint32_t>(flights_.size()));
        flights_.emplace_back();
    }
    const uint32_t tag = free_flights_.back();
    const size_t bytes = headers.size() + body.size();
    fetcher_->post(*route.application, tag, headers, std::move(body));
    free_flights_.pop_back();
    const uint64_t now_ms = worker.loop().now_ms();
    gateway.budget().take(bytes);
    flights_[tag] = {client.slot_key(), &route, now_ms, bytes};
    ++route.in_flight;
    if (due.tries > 0) gateway.counters().retried.fetch_add(1, std::memory_order_relaxed);
    client.started(now_ms);
}

std::string GatewayPart::headers_of(const GatewayClient& client, const webhook::Delivery::Due& due,
                                    std::string_view body) const {
    const std::string id = webhook::webhook_id(client.fields.conn_id(), due.sequence);
    const int64_t now_s = worker.now_s();
    std::string headers(client.fields.headers());
    if (const std::string_view address = client.fields.address(); !address.empty())
        headers.append("X-Forwarded-For: ").append(address).append("\n");
    headers.append("webhook-id: ").append(id);
    headers.append("\nwebhook-timestamp: ").append(std::to_string(now_s)).append("\n");
    if (const auto& key = client.route.site.signing_key)
        headers.append("webhook-signature: ").append(key->sign(id, now_s, body)).append("\n");
    return headers;
}

void GatewayPart::fetched(uint64_t tag, const fetch::Answer& answer) {
    const Flight flight = std::exchange(flights_[tag], {});
    free_flights_.push_back(static_cast<uint32_t>(tag));
    gateway.budget().give_back(flight.bytes);
    GatewayRoutePart& route = *flight.route;
    --route.in_flight;
    const uint64_t duration_ms = worker.loop().now_ms() - flight.started_ms;
    webhook_time_.record(duration_ms * 1000);
    // Null: the client's webhooks were dropped meanwhile.
    if (GatewayClient* const client = clients_.find(flight.client)) {
        gateway.log().webhook(*client, answer, duration_ms);
        take_answer(*client, answer, duration_ms);
    }
    start_ready(route);
}

void GatewayPart::take_answer(GatewayClient& client, const fetch::Answer& answer,
                              uint64_t duration_ms) {
    const bool taken = answer.status >= 200 && answer.status < 300;
    if (client.asked) return decided(client, answer);
    try {
        if (taken && !answer.body.empty()) perform_all(client, read_answer(client, answer, false));
    } catch (const std::exception& error) {
        worker.log_exception("gateway", error.what());
    }
    constexpr uint64_t clocks_differ_ms = 10;
    const uint64_t timeout_ms = ms_of(client.route.site.options.webhook_timeout);
    webhook::Outcome outcome{.status = answer.status,
                             .sent = answer.sent,
                             .timed_out = duration_ms + clocks_differ_ms >= timeout_ms};
    if (!answer.retry_after.empty())
        outcome.retry_after_ms = webhook::read_retry_after(answer.retry_after, worker.now_s());
    std::array<std::byte, 4> random;
    random_.take(random);
    uint32_t number = 0;
    for (const std::byte byte : random) number = number << 8 | std::to_integer<uint32_t>(byte);
    const webhook::Action action = client.due().action;
    const auto effects = client.finished(outcome, worker.loop().now_ms(), number);
    if (taken)
        gateway.counters().delivered.fetch_add(1, std::memory_order_relaxed);
    else
        log_failure(client, action, answer, effects.lost);
    act(client, effects);
}

// ---- the log
// --------------------------------------------------------------------------------------

bool GatewayPart::may_log(LimitedLog& log) noexcept {
    constexpr uint64_t pause_ms = 1000;
    ++log.count;
    const uint64_t now_ms = worker.loop().now_ms();
    if (log.logged_ms != 0 && now_ms - log.logged_ms < pause_ms) return false;
    log.logged_ms = now_ms;
    return true;
}

void GatewayPart::log_failure(const GatewayClient& client, webhook::Action action,
                              const fetch::Answer& answer, bool lost) {
    if (lost) gateway.counters().given_up.fetch_add(1, std::memory_order_relaxed);
    if (lost) gateway.log().given_up(client, webhook::action_text(action));
    LimitedLog& log = lost ? losses_ : failures_;
    if (!may_log(log)) return;
    const std::array<log::Field, 6> fields{
        {{"application", std::string_view(client.route.site.options.application)},
         {"action", webhook::action_text(action)},
         {"conn_id", client.fields.conn_id()},
         {"status", static_cast<int64_t>(answer.status)},
         {"error", answer.error},
         {"count", static_cast<int64_t>(std::exchange(log.count, 0))}}};
    worker.log(
        log::Level::warn,
        lost ? "gateway: a webhook is given up" : "gateway: a webhook failed, and is tried again",
        fields);
}

}  // namespace starling::server
