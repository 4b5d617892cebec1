#include "server/http_connection.h"

#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "http/response_access.h"
#include "net/loop.h"
#include "server/connection_facts.h"
#include "server/refused_handshakes.h"
#include "server/worker.h"
#include "server/ws_connection.h"
#include "server/ws_upgrade.h"
#include "ws/handshake.h"

namespace starling::server {
namespace {

// Limit of the pipelined requests behind the current one. Beyond it reading stops until that one is
// answered.
constexpr size_t pipelined_bytes_max = 16 * 1024;
constexpr uint32_t turn_requests_max = 64;  // Then other connections have their turn.

UpgradeRefusal refusal_of(const UpgradeOutcome& outcome) noexcept {
    if (outcome.foreign_origin) return UpgradeRefusal::origin;
    return refusal_of_status(outcome.status);
}

uint64_t ms(std::chrono::milliseconds duration) { return static_cast<uint64_t>(duration.count()); }

}  // namespace

HttpConnection::HttpConnection(Worker& worker, Listen::Serves serves)
    : worker_(&worker), reader_(worker.site(), serves) {}

HttpConnection::~HttpConnection() { release_key(); }

void HttpConnection::start(std::string relayed_address) {
    client_.relay(std::move(relayed_address));
    keep_client();
    begin_head();
}

void HttpConnection::begin_head() {
    reader_.begin_head(stream_->loop().now_ms());
    stream_->set_timeout(ms(worker_->site().http_rules->limits.head_timeout));
}

// ---- reading ------------------------------------------------------------------------------------

void HttpConnection::on_bytes(std::span<std::byte>& input) {
    held_ = !input.empty();
    uint32_t requests_left = turn_requests_max;
    while (phase_.is(Phase::reading) && stream_->is_open() && !body_paused_) {
        if (!reader_.timing_head() && !input.empty()) begin_head();
        std::span<const std::byte> view = input;
        const http::ParseEvent event = reader_.next(view);
        input = input.last(view.size());
        if (event.kind == http::ParseEvent::Kind::need_more) break;
        step(event);
        if (event.kind == http::ParseEvent::Kind::complete && --requests_left == 0 &&
            phase_.is(Phase::reading) && !input.empty())
            return stream_->yield_turn();
    }
    held_ = !input.empty();
    if (ended_ && phase_.is(Phase::reading)) return stream_->close();
    if (!phase_.is(Phase::closing) && input.size() > pipelined_bytes_max)
        stream_->pause_receiving();
}

void HttpConnection::step(const http::ParseEvent& event) {
    switch (event.kind) {
        case http::ParseEvent::Kind::head: return on_head();
        case http::ParseEvent::Kind::body_chunk: return take_body(event.body);
        case http::ParseEvent::Kind::complete: return on_request();
        case http::ParseEvent::Kind::error: return fail(event.status, event.reason);
        case http::ParseEvent::Kind::need_more: return;
    }
}

void HttpConnection::on_head() {
    reader_.find_route(worker_->site().hosts ? stream_->server_name() : std::string_view());
    if (const int refusal = reader_.host_refusal())
        return fail(refusal, stream_->server_name().empty()
                                 ? "no site has this host: 'hosts' and 'sites' name those there are"
                                 : "the host is of another site than that of the TLS handshake");
    if (!read_client()) return;
    if (!belongs_elsewhere()) return take_head();
    // The connection moves before the body is read, because the owner has its own limits for it.
    // What this worker has queued is sent first. on_drained() is called even if nothing is queued.
    phase_.on(Event::moves);
    stream_->pause_receiving();
    stream_->want_drained();
}

// False: the client has too many connections, and the request was refused.
bool HttpConnection::read_client() {
    if (!client_.read_head(reader_.head().fields, worker_->group(), *stream_))
        worker_->counters().client_addresses_malformed.add();
    if (!client_.is_another()) return true;
    const uint64_t retry_after_s = worker_->enter(client_.text(*stream_), *stream_);
    if (retry_after_s == 0) return true;
    fail(429, "Too Many Requests", "Retry-After: " + std::to_string(retry_after_s) + "\r\n");
    return false;
}

// For code that knows the stream alone.
void HttpConnection::keep_client() {
    if (client_.is_named())
        worker_->addresses().keep(stream_->slot_key().slot, client_.text(*stream_));
}

bool HttpConnection::belongs_elsewhere() {
    if (!reader_.route() || worker_->stopping()) return false;
    const auto index = reader_.route()->owner(reader_.head().query);
    if (!index || *index == worker_->index()) return false;
    destination_ = *index;
    return destination_ < worker_->group().workers.size();
}

void HttpConnection::arrived() {
    phase_.on(Event::arrived);
    keep_client();
    take_head();
    // No further bytes may arrive, so read on for the end of a request without a body.
    std::span<const std::byte> none;
    if (phase_.is(Phase::reading) && !reader_.head().has_body()) step(reader_.next(none));
    if (phase_.is(Phase::reading)) stream_->resume_receiving();
}

void HttpConnection::take_head() {
    const http::RequestHead& head = reader_.head();
    const bool upgrades = reader_.route() && reader_.route()->websocket() &&
                          ws::wants_websocket(reader_.parser().field("upgrade"));
    if (!upgrades && !head.has_body()) return;
    if (!pass_middleware()) return;
    if (upgrades) return upgrade();
    stream_->set_timeout(reader_.request_left_ms(stream_->loop().now_ms()));
    if (!begin_body() || !head.expects_continue) return;
    // Refuse before the client sends a body that no route would read.
    const http::Router::Match& match = reader_.match();
    if (match.outcome == http::Router::Outcome::not_found) return fail(404, "Not Found");
    if (match.outcome == http::Router::Outcome::method_not_allowed)
        return fail(405, "Method Not Allowed", "Allow: " + match.allow + "\r\n");
    std::string& out = worker_->scratch();
    http::append_continue(out);
    stream_->write(base::bytes_of(out));
}

bool HttpConnection::begin_body() {
    if (reader_.head().content_length.value_or(0) > reader_.body_bytes_max())
        return fail(413, "body too large"), false;
    if (!reader_.route()) return true;
    begin_request();
    const http::Request request(request_parts());
    http::Response response;
    bool begun = false;
    const bool whole = guarded(
        request, response, [&] { begun = reader_.route()->begin_body(*this, request, response); });
    if (begun && whole) return true;
    if (cors() == shared_cors())
        apply_cors_late(response);  // Otherwise the route has applied its own rules.
    keep_alive_ = false;
    write_whole(response);
    return false;
}

void HttpConnection::take_body(std::span<const std::byte> bytes) {
    if (!reader_.count_body(bytes)) return body_refused();
    if (!body_reader_) return reader_.append_body(bytes);
    if (!body_reader_->bytes) return;
    const http::Request request(request_parts());
    http::Response response;
    if (guarded(request, response, [&] { body_reader_->bytes(base::text_of(bytes)); })) return;
    keep_alive_ = false;
    write_whole(response);
}

void HttpConnection::body_refused() {
    end_request(RequestEnd::body_refused);
    fail(413, "body too large");
}

void HttpConnection::pause_body(bool paused) {
    if (!phase_.is(Phase::reading) || !body_reader_ || body_paused_ == paused) return;
    body_paused_ = paused;
    if (paused) {
        stream_->cancel_timeout();
        return stream_->pause_receiving();
    }
    stream_->set_timeout(ms(reader_.route()->request_timeout(worker_->site().http_rules->limits)));
    stream_->resume_receiving();
    if (!answering_) read_on();
}

// The end of the body may have been read already, and then no further byte announces it.
void HttpConnection::read_on() {
    std::span<const std::byte> none;
    const http::ParseEvent event = reader_.next(none);
    if (event.kind != http::ParseEvent::Kind::need_more) step(event);
}

void HttpConnection::upgrade() {
    worker_->counters().requests.add();
    if (worker_->stopping()) {
        worker_->counters().refused(UpgradeRefusal::busy).add();
        return fail(503, "the server is stopping");
    }
    try_upgrade();
}

void HttpConnection::try_upgrade() {
    const http::Request request(request_parts());
    const WsContext& endpoint = worker_->websocket(*reader_.route()->websocket());
    auto outcome = decide_upgrade(endpoint, reader_.parser(), request, *this);
    if (outcome.later) {
        phase_.on(Event::promises);
        promised_.emplace();
        return stream_->set_timeout(ms(worker_->site().http_rules->limits.answer_timeout));
    }
    writer_.note_status(outcome.status);
    if (outcome.status != 101) worker_->counters().refused(refusal_of(outcome)).add();
    if (outcome.refusal) {
        keep_alive_ = false;
        return write_whole(*outcome.refusal);
    }
    if (!outcome.connection) return fail(outcome.status, outcome.reason, outcome.field_lines);
    log_access();
    std::string& response = worker_->scratch();
    ws::append_response(response, {outcome.accept.data(), outcome.accept.size()},
                        outcome.subprotocol, outcome.extensions);
    response.insert(response.size() - 2, outcome.field_lines);  // Before the blank line.
    if (middleware_lines_) response.insert(response.size() - 2, *middleware_lines_);
    stream_->write(base::bytes_of(response));
    // From here on only the WebSocket uses the stream. This object is freed at the end of the tick.
    phase_.on(Event::handed_over);
    WsConnection& socket = *outcome.connection;
    keep_client();
    stream_->cancel_timeout();
    stream_->replace_handler(std::move(outcome.connection));
    socket.start();
}

void HttpConnection::decide_upgrade_now() {
    if (!phase_.is(Phase::promised)) return;
    phase_.on(Event::decides);
    promised_.reset();
    try_upgrade();
    // Bytes that the client sent meanwhile belong to the WebSocket.
    if (stream_->is_open()) stream_->resume_receiving();
}

void HttpConnection::fail(int status, std::string_view reason, std::string_view field_lines) {
    if (status == 400) worker_->counters().protocol_errors.add();
    std::string lines = std::string(field_lines) + error_lines() + cors_lines_of_failure();
    if (middleware_lines_) lines += *middleware_lines_;
    const http::WriteContext context{.head_request = reader_.parser().is_head_request(),
                                     .keep_alive = false,
                                     .date = worker_->date()};
    writer_.write_error(*stream_, worker_->scratch(), status, reason, context, lines);
    log_access();
    phase_.on(Event::failed);
    stream_->close();
    end_request(RequestEnd::answered);
}

http::RequestParts HttpConnection::request_parts() {
    http::RequestParts parts = reader_.parts(stream_->is_secure());
    client_.add_to(parts, *stream_);
    return parts;
}

void HttpConnection::on_request() {
    worker_->counters().requests.add();
    stream_->cancel_timeout();
    keep_alive_ = reader_.head().keep_alive;
    begin_request();
    const http::Request request(request_parts());
    http::Response response = http::ResponseAccess::make(worker_->reply_lifetime(), reply_key_);
    if (middleware_lines_) http::ResponseAccess::add_missing(response, *middleware_lines_);
    decide(request, response);
    respond(response);
}

void HttpConnection::read_next() {
    if (!held_ && (ended_ || worker_->stopping())) return stream_->close();
    stream_->set_timeout(ms(worker_->site().http_rules->limits.keep_alive_timeout));
    stream_->resume_receiving();
}

// ---- the request's key and its end --------------------------------------------------------------

void HttpConnection::begin_request() {
    if (reply_key_.generation) return;
    reply_key_ = worker_->replies().next_key();
    worker_->replies().insert(*this);
}

// The only place that ends a request for the objects that refer to it: its watcher, and every
// http::Reply.
void HttpConnection::end_request(RequestEnd how) {
    const base::SlotKey request = reply_key_;
    release_key();
    body_paused_ = false;
    middleware_lines_.reset();
    if (const auto reader = std::move(body_reader_); reader && reader->aborted) {
        const http::Request asked(request_parts());
        http::Response unused;
        (void)guarded(asked, unused, [&] { reader->aborted(); });
    }
    if (RequestWatcher* const watcher = std::exchange(watcher_, nullptr))
        watcher->request_ended(watched_for_, request, how);
}

void HttpConnection::release_key() {
    if (!reply_key_.generation) return;
    worker_->replies().remove(*this);
    reply_key_ = {};
    posted_calls_ = 0;
}

// ---- ending -------------------------------------------------------------------------------------

void HttpConnection::on_drained() {
    if (phase_.is(Phase::file)) pump_file_next_tick();
    if (phase_.is(Phase::streaming)) worker_->replies().set_note(reply_key_, 0);
    if (phase_.is(Phase::draining)) {
        end_request(RequestEnd::answered);
        phase_.on(Event::drained);
        read_next();
    } else if (phase_.is(Phase::moving)) {
        STARLING_ASSERT(!reply_key_.generation && "no other object knows a request that moves");
        Worker& from = *std::exchange(worker_, worker_->group().workers[destination_].get());
        // Must come last: another thread may own this object by now.
        from.hand_over(*stream_, *worker_);
    }
}

void HttpConnection::on_ended() {
    ended_ = true;
    // A client that half-closes while it waits for a promised answer counts as gone.
    if (!phase_.is(Phase::file) && !phase_.is(Phase::draining)) stream_->close();
}

void HttpConnection::on_timeout() {
    if (phase_.is(Phase::promised)) return answer_failed("a promised answer did not come in time");
    if (!phase_.is(Phase::reading)) return;
    if (reader_.head_seen() || reader_.started()) return fail(408, "the request took too long");
    stream_->close();
}

void HttpConnection::on_closed(net::CloseReason reason) {
    worker_->connection_closed(*stream_, reason);
    phase_.on(Event::gone);
    end_request(RequestEnd::client_left);
    worker_->addresses().forget(stream_->slot_key().slot);
}

void HttpConnection::go_away() {
    leaves_ = true;
    if (watcher_) watcher_->request_must_end(watched_for_, reply_key_);
}

void HttpConnection::describe(ConnectionFacts& facts) {
    facts.kind = "http";
    if (reader_.head_seen()) facts.path = reader_.head().path;
    facts.address = client_.text(*stream_);
}

// A connection without a first request yet waits for it, except in a stop.
void HttpConnection::close_idle() {
    if (!phase_.is(Phase::reading) || reader_.started()) return;
    if (worker_->stopping() || !reader_.timing_head()) stream_->close();
}

}  // namespace starling::server
