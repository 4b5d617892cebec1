// Server-Sent Events: the events, limits and access rules of the WebSocket endpoints, for clients
// without WebSocket.
#include <array>
#include <string>

#include "base/text.h"
#include "events/text.h"
#include "server/events/member.h"
#include "server/http_connection.h"
#include "server/worker.h"

namespace starling::server {
namespace {

// Slot in hub::Publication::encodings. WebSockets use 0 and 1.
constexpr size_t stream_encoding = 2;

}  // namespace

EventStream::EventStream(EventsWorker& host, const Admission& admission, const Events& events)
    : host_(host), heartbeat_ms_(static_cast<uint32_t>(events.options().heartbeat.count())) {
    host.enter(*this, *admission.rule, admission.channel);
    if (admission.identity) host.log_in(*this, *admission.identity);
}

void EventStream::took_over() {
    stream_->cancel_timeout();
    if (heartbeat_ms_) stream_->set_timeout(heartbeat_ms_);
    host_.add_listener(*this, *this);
}

void EventStream::go_away() { stream_->close(); }

void EventStream::expired(hub::Subscriber&) { stream_->close(); }

// Sends a comment line: it keeps proxies from closing an idle connection, and detects peers that
// are gone.
void EventStream::on_timeout() {
    if (!stream_->is_blocked()) stream_->write(base::bytes_of(":\n\n"));
    stream_->set_timeout(heartbeat_ms_);
}

void EventStream::on_closed(net::CloseReason reason) {
    host_.worker.connection_closed(*stream_, reason);
}

void EventStream::deliver(hub::Publication& publication) {
    if (!stream_->is_open()) return;
    const uint64_t queue_bytes_max = host_.worker.site().options.http.stream_queue_bytes_max;
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
        events::append_stream_event(text, base::text_of(publication.message.bytes));
        encoded = base::SharedBytes::copy(base::bytes_of(text));
    }
    stream_->write_shared_now(encoded);
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

void EventStreamRoute::answer(HttpConnection& connection, const http::Request& request,
                              http::Response& response) {
    response.header("Cache-Control", "no-store");
    // CORS fields come first, so that a page can also read the status of a refusal.
    if (events_.apply_cors(request, response)) return;
    EventsWorker* const host = events_.here();
    if (!host || !events_.allows_origin(request)) {
        connection.worker().log_refused_origin(request);
        response.status(403).text("this origin is not allowed\n");
        return;
    }
    const Admission admission = events_.admit(request, connection.worker().now_s());
    if (admission.status != 200) {
        if (admission.status == 401) response.header("WWW-Authenticate", "Bearer");
        response.status(admission.status).text(std::string(admission.reason) + "\n");
        return;
    }
    // Without this field nginx holds events back until its buffer is full.
    response.header("X-Accel-Buffering", "no").body("", "text/event-stream");
    if (request.method() == "HEAD") return;
    connection.hand_over_to(std::make_unique<EventStream>(*host, admission, events_));
}

}  // namespace

std::unique_ptr<Route> event_stream_route(Events& events) {
    return std::make_unique<EventStreamRoute>(events);
}

}  // namespace starling::server
