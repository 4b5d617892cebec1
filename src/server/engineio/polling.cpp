#include "server/engineio/polling.h"

#include <memory>
#include <utility>

#include "base/text.h"
#include "engineio/payload.h"
#include "http/conditional.h"
#include "http/response_access.h"
#include "http/url.h"
#include "server/engineio/engine_worker.h"
#include "server/engineio/exchange.h"
#include "server/engineio/queue.h"
#include "server/engineio/relay_part.h"
#include "server/gzip.h"
#include "server/http_connection.h"

namespace starling::server {

using State = engineio::Session::State;

namespace {

// Limit of one reply; the rest of the queue goes with the next one.
constexpr size_t reply_bytes_max = 1024 * 1024;

engineio::Packet packet_of(const EngineQueue::Packet& queued) {
    const auto text = base::text_of(queued.bytes.view());
    if (queued.binary) return {engineio::Type::message, true, text};
    return {engineio::Type(text.front() - '0'), false, text.substr(1)};
}

void refuse_overlap(http::Response& response) { response.status(400).body("", "text/plain"); }

}  // namespace

PollForm::PollForm(const EngineOptions& options, const http::Request& request,
                   const engineio::Query& query)
    : j_(query.j.value_or(std::string_view())),
      jsonp_(query.j.has_value()),
      supports_binary_(engineio::supports_binary(query)),
      threshold_(options.http_compression_threshold) {
    if (http::coding_weight(request.header("accept-encoding"), "gzip") <= 0) threshold_.reset();
}

void PollForm::fill(http::Response& response, std::string payload, std::string_view type) const {
    if (jsonp_) {
        payload = engineio::jsonp_reply(j_, payload);
        type = "text/javascript; charset=UTF-8";
    }
    const bool large = threshold_ && payload.size() >= *threshold_;
    if (const auto small = large ? gzipped(payload) : nullptr)
        response.header("Content-Encoding", "gzip").body(small, type);
    else
        response.body(std::move(payload), type);
}

PostedPayload::PostedPayload(const http::Request& request, bool is_jsonp)
    : kind(is_jsonp ? engineio::PayloadKind::text
                    : engineio::payload_kind(request.header("content-type"))),
      jsonp(is_jsonp) {
    if (jsonp)
        form = engineio::jsonp_payload(
            http::find_form_field(request.body(), "d").value_or(std::string()));
}

EnginePoll::EnginePoll(const EngineSession& session, const Exchange& exchange,
                       const http::Request& request, const engineio::Query& query)
    : host_(session.host()),
      request_(exchange.key()),
      form_(session.host().engine.options_, request, query) {}

EnginePoll::~EnginePoll() {
    if (const auto exchange = host_.find_exchange(request_)) exchange->end_later();
}

void EnginePoll::answer(std::string payload, std::string_view type) {
    const auto exchange = host_.find_exchange(request_);
    if (!exchange) return;
    form_.fill(exchange->response(), std::move(payload), type);
    // If the answer was not promised, it is sent when the handler returns.
    exchange->end_later();
}

void EngineSession::request_ended(base::SlotKey request, RequestEnd how) {
    if (poll() && poll()->request() == request) return poll_left();
    if (extras_ && extras_->answered == request) {  // The answer to the last poll has left.
        extras_->answered = {};
        return release_extras();
    }
    if (post() == request)
        post_left(how == RequestEnd::body_refused ? Event::post_done : Event::post_aborted);
}

void EngineSession::request_must_end(base::SlotKey request) {
    const bool held = extras_ && extras_->post_held && extras_->post == request;
    if (held || (poll() && poll()->request() == request)) drop(EngineClose::server_shutting_down);
}

void EngineSession::end_if_relayed() {
    const base::SlotKey request = poll() ? poll()->request() : post();
    if (is_relayed(request))
        request_must_end(request);
    else if (!poll() && websocket_ && websocket_.is_far())
        drop(EngineClose::server_shutting_down);
}

// Another node stops: its client goes on at a node that is left.
void EngineSession::release(base::SlotKey request) {
    if (poll() && poll()->request() == request && core_.claim_poll())
        return answer_poll(false, "6");
    if (extras_ && extras_->post_held && extras_->post == request) {
        (void)core_.on(Event::post_done, now());
        answer_held_post();
    }
}

// ---- GET ----------------------------------------------------------------------------------------

void EngineSession::on_get(const Exchange& exchange, const http::Request& request,
                           const engineio::Query& query, http::Response& response) {
    // The client polls again although it has not read the previous answer.
    if (unsent_reply_bytes() > 0) {
        drop(EngineClose::transport_error);
        return refuse_overlap(response);
    }
    const bool overlaps = poll() != nullptr;
    if (!overlaps) {
        extras().poll = std::make_unique<EnginePoll>(*this, exchange, request, query);
        exchange.watch(host(), slot_key());
    }
    const Actions actions = core_.on(Event::poll_arrived, now());
    if (actions.answer_400 && !overlaps) extras_->poll.reset();
    act(actions);
    if (actions.answer_400) return refuse_overlap(response);
    if (poll()) return http::ResponseAccess::promise(response);
}

bool EngineSession::poll_has_room() const {
    if (!poll() || !is_relayed(poll()->request())) return true;
    RelayPart* const relay = host().relay();  // Null after the end of the loop.
    return !relay || relay->has_room(poll()->request());
}

void EngineSession::answer_poll(bool with_queue, std::string_view last) {
    if (!poll()) return;
    const std::unique_ptr<EnginePoll> poll = std::move(extras_->poll);
    extras_->answered = poll->request();
    // No poll follows a close packet, so the whole queue goes out.
    const size_t growth = core_.revision() == engineio::Revision::eio3 ? poll->form().growth() * 3
                                                                       : poll->form().growth();
    const size_t bytes_max = last == "1" ? SIZE_MAX : reply_bytes_max / growth;
    engineio::PayloadWriter writer(core_.revision(), poll->form().supports_binary(), bytes_max);
    if (with_queue && queue()) {
        auto& packets = queue()->packets;
        size_t taken = 0;
        while (taken < packets.size() && writer.append(packet_of(packets[taken])))
            queue()->bytes -= packets[taken++].bytes.size();
        packets.erase(packets.begin(), packets.begin() + static_cast<std::ptrdiff_t>(taken));
        if (packets.empty()) extras_->queue.reset();
    }
    if (!last.empty())
        (void)writer.append({engineio::Type(last.front() - '0'), false, last.substr(1)});
    const std::string_view type = writer.content_type();
    poll->answer(writer.take(), type);
}

// The connection keeps the key of a request until at most 64 KiB of the answer are unsent.
size_t EngineSession::unsent_reply_bytes() const noexcept {
    if (!extras_) return 0;
    const auto exchange = host().find_exchange(extras_->answered);
    return exchange ? exchange->queued_bytes() : 0;
}

void EngineSession::poll_left() {
    const std::unique_ptr<EnginePoll> poll = std::move(extras_->poll);
    if (host().worker.stopping()) return drop(EngineClose::server_shutting_down);
    act(core_.on(Event::poll_aborted, now()));
}

// ---- POST ---------------------------------------------------------------------------------------

bool EngineSession::on_post_head(const Exchange& exchange, const engineio::Query& query,
                                 http::Response& response) {
    const Actions actions = core_.on(Event::post_arrived, now());
    act(actions);
    if (actions.answer_400) return refuse_overlap(response), false;
    extras().post = exchange.key();
    extras_->post_jsonp = query.j.has_value();
    exchange.watch(host(), slot_key());
    return true;
}

void EngineSession::on_post(const Exchange& exchange, const http::Request& request,
                            http::Response& response) {
    // The session went on without this POST (an upgrade, for example), so its packets came too
    // late.
    if (post() != exchange.key()) return refuse_overlap(response);
    const PostedPayload posted(request, extras_->post_jsonp);
    engineio::PayloadReader reader(posted.text(request.body()), core_.revision(), posted.kind);
    using Step = engineio::PayloadReader::Step;
    Step step = Step::end;
    while (core_.state() != State::closed && (step = reader.next()) == Step::packet) {
        if (!takes_packet(reader.packet())) return refuse_flood(response);
        take(engineio::Link::post, reader.packet());
    }
    const bool fault = step == Step::fault;
    if (!fault && core_.paused() && post() == exchange.key()) {
        extras_->post_held = true;
        return http::ResponseAccess::promise(response);
    }
    if (extras_) extras_->post = {};
    act(core_.on(fault ? Event::post_fault : Event::post_done, now()));
    if (fault) log_fault(reader.fault(), request.remote_address());
    if (fault)
        response.status(400).body("", "text/plain");
    else
        response.body("ok", "text/html");
}

bool EngineSession::takes_packet(const engineio::Packet& packet) const {
    Inflows* const inflows = host().inflows();
    return !inflows || inflows->takes_message(slot_key().slot, packet.data.size(), now_ms());
}

void EngineSession::refuse_flood(http::Response& response) {
    host().worker.counters().limited_messages.add();
    extras_->post = {};
    drop(EngineClose::forced_server_close);
    response.status(429).header("Retry-After", "1").body("", "text/plain");
}

void EngineSession::answer_held_post() {
    if (!extras_ || !std::exchange(extras_->post_held, false)) return;
    const base::SlotKey request = std::exchange(extras_->post, {});
    const auto exchange = host().find_exchange(request);
    if (!exchange) return;
    exchange->response().body("ok", "text/html");
    exchange->end_later();
}

void EngineSession::post_left(Event event) {
    if (extras_) {
        extras_->post = {};
        extras_->post_held = false;
    }
    if (host().worker.stopping()) return drop(EngineClose::server_shutting_down);
    act(core_.on(event, now()));
}

}  // namespace starling::server
