// Server-Sent Events: the events, limits and access rules of the WebSocket endpoints, for clients
// without WebSocket.
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "events/broker.h"
#include "events/text.h"
#include "server/connection_facts.h"
#include "server/events/member.h"
#include "server/http_connection.h"
#include "server/worker.h"

namespace starling::server {
namespace {

// Slot in hub::Publication::encodings. WebSockets use 0 and 1.
constexpr size_t stream_encoding = 2;

}  // namespace

EventStream::EventStream(EventsWorker& host, const Admission& admission, const Events& events,
                         std::optional<hub::Position> since)
    : heartbeat_ms_(static_cast<uint32_t>(events.options().heartbeat.count())),
      host_(host),
      start_(new Start{std::move(since), events.options().recovery_bytes_max}) {
    host.enter(*this, *admission.rule, admission.channel);
    if (admission.identity) host.log_in(*this, *admission.identity);
}

void EventStream::took_over() {
    host_.worker.counters().event_streams_opened.add();
    host_.worker.counters().event_streams_open.add();
    stream_->cancel_timeout();
    if (heartbeat_ms_) stream_->set_timeout(heartbeat_ms_);
    const auto start = std::move(start_);
    const bool asked = start->since.has_value();
    host_.listen(*this, *this, std::move(start->since),
                 [this, asked, most = start->recovery_bytes_max](const hub::Beginning& beginning) {
                     begin(beginning, asked, most);
                     return true;
                 });
}

// Sends what the client missed, and the id from which it continues if it connects again before the
// next event. The bytes may be more than the queue's limit, since nothing else waits.
void EventStream::begin(const hub::Beginning& beginning, bool asked, size_t recovery_bytes_max) {
    if (beginning.failed) return stream_->close();  // The client connects again.
    if (beginning.position.epoch.empty()) return;   // The channel has no history.
    size_t bytes = 0;
    for (const auto& kept : beginning.missed) bytes += kept->text.size();
    const bool recovered = beginning.recovered && bytes <= recovery_bytes_max;
    std::string text;
    for (const auto& kept : beginning.missed) {
        if (!recovered) break;
        events::append_stream_event(text, std::string(events::event_prefix).append(kept->text),
                                    hub::position_text(kept->epoch, kept->offset));
    }
    if (asked && !recovered)
        events::append_stream_gap(text, hub::position_text(beginning.position));
    else if (text.empty())
        events::append_stream_id(text, hub::position_text(beginning.position));
    stream_->write(base::bytes_of(text));
}

// The client has already got what was published after the events that were lost.
void EventStream::lost(hub::Subscriber&) {
    if (!stream_->is_open()) return;
    std::string text;
    events::append_stream_gap(text, {});
    stream_->write(base::bytes_of(text));
}

// All EventSources of a browser wait equally long before they connect again, and a server that stops
// closes thousands at once: each gets a time of its own. WHATWG HTML section 9.2.6.
void EventStream::go_away() {
    if (!stream_->is_blocked()) {
        std::string text;
        events::append_stream_retry(text, host_.draw_retry_ms());
        stream_->write(base::bytes_of(text));
    }
    stream_->close();
}

void EventStream::expired(hub::Subscriber&) { stream_->close(); }

// Sends a comment line: it keeps proxies from closing an idle connection, and detects peers that
// are gone.
void EventStream::on_timeout() {
    if (!stream_->is_blocked()) stream_->write(base::bytes_of(":\n\n"));
    stream_->set_timeout(heartbeat_ms_);
}

void EventStream::on_closed(net::CloseReason reason) {
    host_.worker.counters().event_streams_open.subtract();
    host_.worker.connection_closed(*stream_, reason);
    host_.worker.addresses().forget(stream_->slot_key().slot);
}

void EventStream::describe(ConnectionFacts& facts) {
    facts.kind = "sse";
    if (login()) facts.user = login()->user;
    if (room()) facts.add_room(room()->name());
}

void EventStream::deliver(hub::Publication& publication) {
    if (!stream_->is_open()) return;
    const uint64_t queue_bytes_max = host_.worker.site().http_rules->limits.stream_queue_bytes_max;
    if (stream_->queued_bytes() > queue_bytes_max) stream_->offer_queued();
    if (!stream_->is_open()) return;
    if (stream_->queued_bytes() > queue_bytes_max) {
        host_.worker.counters().messages_dropped.add();
        return stream_->close(net::Stream::Close::reset);
    }
    ++publication.taken;
    host_.worker.counters().messages_sent.add();
    auto& encoded = publication.encodings[stream_encoding];
    if (!encoded) {
        std::string text;
        events::append_stream_event(text, base::text_of(publication.message.bytes),
                                    publication.message.offset);
        encoded = base::SharedBytes::copy(base::bytes_of(text));
    }
    if (publication.at_once)
        stream_->write_shared_now(encoded);
    else
        stream_->write(encoded);
}

namespace {

class EventStreamRoute final : public Route {
public:
    explicit EventStreamRoute(Events& events) noexcept : events_(events) {}
    void answer(HttpConnection& connection, const http::Request& request,
                http::Response& response) override;

private:
    Events& events_;
};

// The id of the last event that the client got: a field that an EventSource sends when it connects
// again, or a query parameter, for clients that begin with an offset of their own. None: the client
// has got no event. WHATWG HTML section 9.2.3.
std::optional<hub::Position> last_event_id(const http::Request& request) {
    std::string id(request.header("last-event-id"));
    if (id.empty()) id = request.query("since").value_or("");
    if (id.empty()) return std::nullopt;
    return hub::position_from_client(id);
}

void EventStreamRoute::answer(HttpConnection& connection, const http::Request& request,
                              http::Response& response) {
    response.header("Cache-Control", "no-store");
    // CORS fields come first, so that a page can also read the status of a refusal.
    if (events_.apply_cors(request, response)) return;
    EventsWorker* const host = events_.here();
    if (!host || !events_.allows_origin(request)) {
        connection.worker().log_refused_origin(request);
        if (host) host->refused_streams.add(UpgradeRefusal::origin);
        response.status(403).text("this origin is not allowed\n");
        return;
    }
    const Admission admission = events_.admit(request, connection.worker().now_s());
    if (admission.status != 200) {
        host->refused_streams.add(refusal_of_status(admission.status));
        if (admission.status == 401) response.header("WWW-Authenticate", "Bearer");
        response.status(admission.status).text(std::string(admission.reason) + "\n");
        return;
    }
    // Without this field nginx holds events back until its buffer is full.
    response.header("X-Accel-Buffering", "no").body("", "text/event-stream");
    if (request.method() == "HEAD") return;
    connection.hand_over_to(std::unique_ptr<Connection>(
        new (connection.worker().slabs())
            EventStream(*host, admission, events_, last_event_id(request))));
}

}  // namespace

std::unique_ptr<Route> event_stream_route(Events& events) {
    return std::make_unique<EventStreamRoute>(events);
}

}  // namespace starling::server
