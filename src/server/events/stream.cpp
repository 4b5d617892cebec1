// Server-Sent Events: the events, limits and access rules of the WebSocket endpoints, for clients
// without WebSocket.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_scan.h"
#include "base/json_text.h"
#include "base/lifetime.h"
#include "base/text.h"
#include "base/utf8.h"
#include "events/broker.h"
#include "events/text.h"
#include "events/v1_reply.h"
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
                         std::optional<hub::Position> since, std::unique_ptr<PresenceSeat> seat)
    : heartbeat_ms_(static_cast<uint32_t>(events.options().heartbeat.count())),
      host_(host),
      extras_(new Extras{std::move(since), events.options().recovery_bytes_max, nullptr}) {
    if (seat) extras_->presence = std::make_shared<Presence>(Presence{*this, std::move(seat)});
    host.enter(*this, *admission.rule, admission.channel);
    if (admission.identity) host.log_in(*this, *admission.identity);
}

void EventStream::took_over() {
    host_.worker.counters().event_streams_opened.add();
    host_.worker.counters().event_streams_open.add();
    stream_->cancel_timeout();
    if (heartbeat_ms_) stream_->set_timeout(heartbeat_ms_);
    auto since = std::move(extras_->since);
    const bool asked = since.has_value();
    const size_t recovery_bytes_max = extras_->recovery_bytes_max;
    if (extras_->presence)
        await_members();
    else
        extras_.reset();
    host_.listen(*this, *this, std::move(since),
                 [this, asked, recovery_bytes_max](const hub::Beginning& beginning) {
                     begin(beginning, asked, recovery_bytes_max);
                     if (extras_) extras_->presence->listens = true;
                     list_members();
                     return true;
                 });
}

uint64_t EventStream::queue_bytes_max() const noexcept {
    return host_.worker.site().http_rules->limits.stream_queue_bytes_max;
}

// The list has the members on all nodes. Events do not wait for it.
void EventStream::await_members() {
    // On any thread, and while the presence is locked.
    const auto later = [&home = host_.worker.lifetime(),
                        waiting = std::weak_ptr(extras_->presence)] {
        const base::Lifetime<Worker>::Use worker(&home);
        if (!worker) return;
        worker->post([waiting] {
            const auto presence = waiting.lock();
            if (!presence) return;
            presence->is_known = true;
            presence->stream.list_members();
        });
    };
    extras_->presence->is_known = extras_->presence->seat->is_known(later);
}

void EventStream::list_members() {
    if (!extras_ || !extras_->presence->listens || !extras_->presence->is_known) return;
    if (!stream_->is_open()) return;
    // Half of the queue is left for what comes while the client reads the list.
    const uint64_t bytes_max = queue_bytes_max() / 2;
    if (stream_->queued_bytes() > bytes_max / 2) stream_->offer_queued();
    if (!stream_->is_open()) return;
    const size_t left_bytes = bytes_max - std::min<uint64_t>(stream_->queued_bytes(), bytes_max);
    PresenceSeat& seat = *extras_->presence->seat;
    std::string text;
    events::append_typed_event(
        text, "presence",
        events::v1::presence({}, room()->name(), seat.list(), seat.client(), left_bytes));
    stream_->write(base::bytes_of(text));
}

void EventStream::presence_changed(const hub::PresenceChange& change,
                                   hub::Publication& publication) {
    if (!extras_ || !extras_->presence->seat->hears(change)) return;
    push(publication, [&change](std::string& text) {
        events::append_typed_event(text, change.joined ? "join" : "leave",
                                   events::v1::presence_change(change));
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
    extras_.reset();  // It leaves the presence.
}

void EventStream::describe(ConnectionFacts& facts) {
    facts.kind = "sse";
    if (login()) facts.user = login()->user;
    if (room()) facts.add_room(room()->name());
}

void EventStream::deliver(hub::Publication& publication) {
    push(publication, [&publication](std::string& text) {
        events::append_stream_event(text, base::text_of(publication.message.bytes),
                                    publication.message.offset);
    });
}

template <class F>
void EventStream::push(hub::Publication& publication, F&& append) {
    if (!stream_->is_open()) return;
    if (stream_->queued_bytes() > queue_bytes_max()) stream_->offer_queued();
    if (!stream_->is_open()) return;
    if (stream_->queued_bytes() > queue_bytes_max()) {
        host_.worker.counters().messages_dropped.add();
        return stream_->close(net::Stream::Close::reset);
    }
    ++publication.taken;
    host_.worker.counters().messages_sent.add();
    auto& encoded = publication.encodings[stream_encoding];
    if (!encoded) {
        std::string text;
        append(text);
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
    // False: the response says why the client is no member, although it asked for that. A member
    // is logged in by `admission.identity`, also in a channel that requires no login.
    [[nodiscard]] bool take_seat(EventsWorker& host, const http::Request& request,
                                 Admission& admission, http::Response& response,
                                 std::unique_ptr<PresenceSeat>& seat);

    Events& events_;
};

void refuse(EventsWorker& host, http::Response& response, int status, std::string_view reason) {
    host.refused_streams.add(refusal_of_status(status));
    if (status == 401) response.header("WWW-Authenticate", "Bearer");
    response.status(status).text(std::string(reason) + "\n");
}

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
    Admission admission = events_.admit(request, connection.worker().now_s());
    if (admission.status != 200) return refuse(*host, response, admission.status, admission.reason);
    std::unique_ptr<PresenceSeat> seat;
    if (!take_seat(*host, request, admission, response, seat)) return;
    // Without this field nginx holds events back until its buffer is full.
    response.header("X-Accel-Buffering", "no").body("", "text/event-stream");
    if (request.method() == "HEAD") return;
    connection.hand_over_to(std::unique_ptr<Connection>(
        new (connection.worker().slabs())
            EventStream(*host, admission, events_, last_event_id(request), std::move(seat))));
}

// `?presence=1&info=JSON`: the client becomes a member, as with "presence":true of starling.v1.
bool EventStreamRoute::take_seat(EventsWorker& host, const http::Request& request,
                                 Admission& admission, http::Response& response,
                                 std::unique_ptr<PresenceSeat>& seat) {
    const auto fails = [&](int status, std::string_view reason) {
        refuse(host, response, status, reason);
        return false;
    };
    const std::string asked = request.query("presence").value_or("0");
    const std::string info = request.query("info").value_or("");
    if (asked != "0" && asked != "1") return fails(400, "presence: must be 1 or 0");
    if (asked == "0") return info.empty() || fails(400, "info: needs presence=1");
    const size_t info_bytes_max = events_.options().presence_info_bytes_max;
    if (admission.rule->channel.presence == events::Presence::none)
        return fails(400, "presence: this channel has none");
    if (info.size() > info_bytes_max)
        return fails(413, "info: larger than " + std::to_string(info_bytes_max) + " bytes");
    if (!info.empty() && (!base::utf8_is_valid(info) || !base::scan_json(info)))
        return fails(400, "info: must be JSON");
    auto& identity = admission.identity;
    if (!identity)
        identity = events_.authenticator().identify(request, host.worker.now_s()).identity;
    hub::PresenceMember member{host.make_client_id(), identity ? identity->user : std::string(),
                               base::json_without_blanks(info)};
    const auto permission = events_.permission(
        events::Use::listen,
        {.channel = admission.channel, .client = member.client, .user = member.user, .text = {}});
    if (permission != events::Permission::allowed) return fails(403, "the application refuses");
    if (request.method() == "HEAD") return true;
    seat = PresenceSeat::enter(events_, admission.channel, *admission.rule, std::move(member));
    return seat != nullptr || fails(503, "the channel has too many members");
}

}  // namespace

std::unique_ptr<Route> event_stream_route(Events& events) {
    return std::make_unique<EventStreamRoute>(events);
}

}  // namespace starling::server
