#include "server/http_connection.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <exception>
#include <utility>

#include "base/text.h"
#include "net/loop.h"
#include "server/worker.h"
#include "server/ws_connection.h"
#include "server/ws_upgrade.h"
#include "ws/handshake.h"

namespace starling::server {
namespace {

// Of pipelined requests behind the one in work; beyond it nothing more is read until that is done.
constexpr size_t pipelined_bytes_max = 16 * 1024;
constexpr size_t body_kept_bytes_max = 4 * 1024;  // Capacity kept between requests.
// Of answers that the client does not read; beyond it its next request waits.
constexpr size_t answers_queued_bytes_max = 64 * 1024;
constexpr size_t write_now_from_bytes = 8 * 1024;
constexpr size_t file_piece_bytes = 32 * 1024;  // Of each download in one tick.

uint64_t ms(std::chrono::milliseconds duration) { return uint64_t(duration.count()); }

}  // namespace

HttpConnection::HttpConnection(Worker& worker)
    : worker_(&worker), parser_(worker.site().parser_limits) {}

HttpConnection::~HttpConnection() { release_key(); }

void HttpConnection::start() { begin_head(); }

void HttpConnection::begin_head() {
    head_began_ms_ = stream_->loop().now_ms();
    stream_->set_timeout(ms(worker_->site().options.http.head_timeout));
    timing_head_ = true;
}

// ---- reading ------------------------------------------------------------------------------------

void HttpConnection::on_bytes(std::span<std::byte>& input) {
    held_ = !input.empty();
    while (phase_ == Phase::reading && stream_->is_open()) {
        if (!timing_head_ && !input.empty()) begin_head();
        std::span<const std::byte> view = input;
        const http::ParseEvent event = parser_.next(view);
        input = input.last(view.size());
        if (event.kind == http::ParseEvent::Kind::need_more) break;
        step(event);
    }
    held_ = !input.empty();
    if (ended_ && phase_ == Phase::reading) return stream_->close(net::Stream::Close::linger);
    if (phase_ != Phase::closing && input.size() > pipelined_bytes_max) stream_->pause_receiving();
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
    head_seen_ = true;
    began_ = std::chrono::steady_clock::now();
    const http::RequestHead& head = parser_.head();
    worker_->site().router.find(head.method, head.path, match_);
    if (!belongs_elsewhere()) return take_head();
    // Before its body, which the owner reads under its own limits. What this worker has queued
    // leaves first; on_drained() follows even where that is nothing.
    phase_ = Phase::moving;
    stream_->pause_receiving();
    stream_->want_drained();
}

bool HttpConnection::belongs_elsewhere() {
    if (match_.outcome != http::Router::Outcome::found || worker_->stopping()) return false;
    const auto& owner = worker_->site().routes[size_t(match_.route)].owner;
    if (!owner) return false;
    const auto index = owner(http::Request(request_parts()));
    if (!index || *index == worker_->index()) return false;
    destination_ = *index;
    return destination_ < worker_->group().workers.size();
}

void HttpConnection::arrived() {
    phase_ = Phase::reading;
    take_head();
    // Nothing more may come that would tell of the end of a request without a body.
    std::span<const std::byte> none;
    if (phase_ == Phase::reading && !parser_.head().has_body()) step(parser_.next(none));
    if (phase_ == Phase::reading) stream_->resume_receiving();
}

void HttpConnection::take_head() {
    const http::RequestHead& head = parser_.head();
    if (match_.outcome == http::Router::Outcome::found &&
        worker_->site().routes[size_t(match_.route)].websocket &&
        ws::wants_websocket(parser_.field("upgrade")))
        return upgrade();
    if (!head.has_body()) return;
    const uint64_t allowed_ms = ms(worker_->site().options.http.request_timeout);
    const uint64_t spent_ms = stream_->loop().now_ms() - head_began_ms_;
    stream_->set_timeout(allowed_ms - std::min(spent_ms, allowed_ms));
    if (!begin_body() || !head.expects_continue) return;
    // A body that nobody would read is better not sent.
    if (match_.outcome == http::Router::Outcome::not_found) return fail(404, "Not Found");
    if (match_.outcome == http::Router::Outcome::method_not_allowed)
        return fail(405, "Method Not Allowed", "Allow: " + match_.allow + "\r\n");
    std::string& out = worker_->scratch();
    http::append_continue(out);
    stream_->write(base::bytes_of(out));
}

// The parser's limit is that of the route which allows most.
uint64_t HttpConnection::body_bytes_max() const noexcept {
    const Site& site = worker_->site();
    if (match_.outcome != http::Router::Outcome::found) return site.options.http.body_bytes_max;
    const auto& exchange = site.routes[size_t(match_.route)].exchange;
    return exchange ? exchange->body_bytes_max : site.options.http.body_bytes_max;
}

bool HttpConnection::begin_body() {
    if (parser_.head().content_length.value_or(0) > body_bytes_max())
        return fail(413, "body too large"), false;
    if (match_.outcome != http::Router::Outcome::found) return true;
    const auto& exchange = worker_->site().routes[size_t(match_.route)].exchange;
    if (!exchange || !exchange->begin) return true;
    begin_request();
    const http::Request request(request_parts());
    http::Response response;
    if (exchange->begin(*this, request, response)) return true;
    keep_alive_ = false;
    write_whole(response);
    return false;
}

void HttpConnection::take_body(std::span<const std::byte> bytes) {
    if (bytes.size() <= body_bytes_max() - std::min<uint64_t>(body_.size(), body_bytes_max())) {
        body_.append(base::text_of(bytes));
        return;
    }
    end_request(RequestEnd::body_refused);
    fail(413, "body too large");
}

void HttpConnection::upgrade() {
    const auto& route = worker_->site().routes[size_t(match_.route)];
    worker_->counters().requests.add();
    if (worker_->stopping()) return fail(503, "the server is stopping");
    const http::Request request(request_parts());
    auto outcome = decide_upgrade(worker_->websocket(*route.websocket), parser_, request);
    status_ = outcome.status;
    if (outcome.refusal) {
        keep_alive_ = false;
        return write_whole(*outcome.refusal);
    }
    if (!outcome.connection) return fail(outcome.status, outcome.reason, outcome.field_lines);
    log_access();
    stream_->write(base::bytes_of(outcome.response));
    phase_ = Phase::closing;  // Nothing more for this object to do; it is freed with the tick.
    WsConnection& socket = *outcome.connection;
    stream_->cancel_timeout();
    stream_->replace_handler(std::move(outcome.connection));
    socket.start();
}

void HttpConnection::fail(int status, std::string_view reason, std::string_view field_lines) {
    status_ = status;
    if (status == 400) worker_->counters().protocol_errors.add();
    std::string& out = worker_->scratch();
    const http::WriteContext context{.head_request = parser_.is_head_request(),
                                     .keep_alive = false,
                                     .date = worker_->date()};
    const std::string lines = std::string(field_lines) + worker_->site().error_field_lines;
    http::append_error_response(out, status, reason, context, lines);
    stream_->write(base::bytes_of(out));
    log_access();
    phase_ = Phase::closing;
    stream_->close(net::Stream::Close::linger);
    end_request(RequestEnd::answered);
}

http::RequestParts HttpConnection::request_parts() {
    if (remote_address_.empty()) remote_address_ = stream_->peer_ip();
    const http::RequestHead& head = parser_.head();
    return {.method = head.method,
            .target = head.target,
            .path = head.path,
            .query = head.query,
            .host = head.host,
            .fields = head.fields,
            .params = match_.params,
            .body = body_,
            .remote_address = remote_address_ == "unix" ? std::string_view() : remote_address_,
            .version_minor = head.version_minor,
            .keep_alive = head.keep_alive,
            .secure = stream_->is_secure()};
}

void HttpConnection::on_request() {
    worker_->counters().requests.add();
    stream_->cancel_timeout();
    keep_alive_ = parser_.keep_alive();
    const Site& site = worker_->site();
    begin_request();
    const http::Request request(request_parts());
    http::Response response(worker_, {reply_key_.slot, reply_key_.generation});
    if (worker_->stopping()) {
        response.status(503).header("Retry-After", "1").text("The server is stopping.\n");
    } else if (site.cors && http::apply_cors(*site.cors, request, response)) {
        // A preflight is answered by the rules alone.
    } else if (match_.outcome != http::Router::Outcome::found) {
        answer_unrouted(response);
    } else {
        call_route(site.routes[size_t(match_.route)], request, response);
    }
    respond(response);
}

// ---- answering ----------------------------------------------------------------------------------

void HttpConnection::call_route(const SiteRoute& route, const http::Request& request,
                                http::Response& response) {
    if (route.exchange) {
        const http::Handler handler = [&](const http::Request& asked, http::Response& answer) {
            route.exchange->answer(*this, asked, answer);
        };
        return call_handler(handler, request, response);
    }
    if (route.take_over) {
        const http::Handler handler = [&](const http::Request& asked, http::Response& answer) {
            successor_ = route.take_over(*worker_, asked, answer);
        };
        return call_handler(handler, request, response);
    }
    if (!route.websocket) return call_handler(route.handler, request, response);
    const auto& page = worker_->websocket(*route.websocket).route().page;
    if (page) return call_handler(page, request, response);
    response.status(426)
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .text("This is a WebSocket endpoint.\n");
}

void HttpConnection::call_handler(const http::Handler& handler, const http::Request& request,
                                  http::Response& response) {
    answering_ = &response;
    std::string what;
    try {
        handler(request, response);
        answering_ = nullptr;
        return;
    } catch (const std::exception& error) {
        what = error.what();
    } catch (...) {
        what = "an exception of unknown type";
    }
    answering_ = nullptr;
    worker_->log_exception(request.path(), what);
    response = http::Response();
    response.status(500).text("Internal Server Error\n");
    // Without its fields a page would see a failed request in place of the status.
    if (const auto& cors = worker_->site().cors) (void)http::apply_cors(*cors, request, response);
}

void HttpConnection::answer_unrouted(http::Response& response) {
    switch (match_.outcome) {
        case http::Router::Outcome::method_not_allowed:
            response.status(405).header("Allow", match_.allow).text("Method Not Allowed\n");
            return;
        case http::Router::Outcome::options:
            response.no_content().header("Allow", match_.allow);
            return;
        default: response.status(404).text("Not Found\n");
    }
}

// The body ends with the connection, so that what follows needs no framing of HTTP's.
void HttpConnection::hand_over(http::Response& response) {
    decorate(response);
    status_ = response.status();
    std::string& out = worker_->scratch();
    http::append_stream_head(out, response.close(), {.version_minor = 0, .date = worker_->date()});
    stream_->write(base::bytes_of(out));
    log_access();
    end_request(RequestEnd::answered);
    phase_ = Phase::closing;  // Nothing more for this object to do; it is freed with the tick.
    Connection& successor = *successor_;
    stream_->replace_handler(std::move(successor_));
    successor.took_over();
}

void HttpConnection::respond(http::Response& response) {
    if (successor_) return hand_over(response);
    if (!response.deferred()) return write_whole(response);
    phase_ = Phase::promised;
    promised_ = std::move(response);
}

http::WriteContext HttpConnection::write_context() const {
    return {.head_request = parser_.head().method == "HEAD",
            .version_minor = parser_.head().version_minor,
            .keep_alive = keep_alive_ && !(ended_ && !held_) && !worker_->stopping(),
            .date = worker_->date()};
}

void HttpConnection::decorate(http::Response& response) const {
    for (const auto& header : worker_->site().default_headers)
        if (!response.has_header(header.name)) response.header(header.name, header.value);
}

void HttpConnection::write_whole(http::Response& response) {
    decorate(response);
    status_ = response.status();
    const auto context = write_context();
    if (response.closes()) keep_alive_ = false;
    std::string& out = worker_->scratch();
    const auto body = base::bytes_of(response.body());
    if (!response.file() && body.size() < write_now_from_bytes) {
        const auto head = http::append_response(out, response, context);
        keep_alive_ = head.keep_alive;
        if (head.framing == http::BodyFraming::length) sent_bytes_ = body.size();
        stream_->write(base::bytes_of(out));
        return finish_answer();
    }
    const auto head = http::append_response_head(out, response, context);
    keep_alive_ = head.keep_alive;
    if (head.framing == http::BodyFraming::none) {
        stream_->write(base::bytes_of(out));
        return finish_answer();
    }
    sent_bytes_ = response.body_bytes();
    if (response.file()) {
        stream_->write(base::bytes_of(out));
        file_ = *response.file();
        phase_ = Phase::file;
        return pump_file();
    }
    const std::array<iovec, 2> parts{
        {{out.data(), out.size()}, {const_cast<std::byte*>(body.data()), body.size()}}};
    stream_->write_now(parts);
    finish_answer();
}

// A piece a tick, so that a large file neither fills memory nor holds up the others.
void HttpConnection::pump_file() {
    if (phase_ != Phase::file || !stream_->is_open()) return;
    std::string& piece = worker_->scratch();
    piece.resize(std::min<uint64_t>(file_->bytes, file_piece_bytes));
    const ssize_t got =
        ::pread(*file_->descriptor, piece.data(), piece.size(), off_t(file_->offset));
    if (got <= 0 && file_->bytes > 0) {
        // It shrank. The length is promised already; only a broken connection tells the client.
        phase_ = Phase::closing;
        return stream_->close(net::Stream::Close::reset);
    }
    file_->offset += uint64_t(got);
    file_->bytes -= uint64_t(got);
    const iovec part{piece.data(), size_t(got)};
    stream_->write_now({&part, 1});
    if (file_->bytes > 0) return stream_->want_drained();
    file_.reset();
    finish_answer();
}

void HttpConnection::pump_file_next_tick() {
    stream_->loop().post([worker = worker_, key = reply_key_] {
        if (HttpConnection* connection = worker->replies().find(key)) connection->pump_file();
    });
}

void HttpConnection::on_drained() {
    if (phase_ == Phase::file) pump_file_next_tick();
    if (phase_ == Phase::streaming) worker_->replies().set_note(reply_key_, 0);
    if (phase_ == Phase::draining) read_next();
    if (phase_ == Phase::moving) {
        assert(!reply_key_.generation);  // Nobody here knows a request that moves.
        Worker& from = *std::exchange(worker_, worker_->group().workers[destination_].get());
        from.hand_over(*stream_, *worker_);  // The last word: another thread may own this by now.
    }
}

void HttpConnection::finish_answer() {
    log_access();
    end_request(RequestEnd::answered);
    promised_.reset();
    if (!keep_alive_ || (ended_ && !held_)) {
        phase_ = Phase::closing;
        return stream_->close(net::Stream::Close::linger);
    }
    head_seen_ = timing_head_ = false;
    body_.clear();
    if (body_.capacity() > body_kept_bytes_max) body_.shrink_to_fit();
    parser_.reset();
    if (stream_->queued_bytes() <= answers_queued_bytes_max) return read_next();
    phase_ = Phase::draining;
    stream_->want_drained();
}

void HttpConnection::read_next() {
    phase_ = Phase::reading;
    if (!held_ && (ended_ || worker_->stopping()))
        return stream_->close(net::Stream::Close::linger);
    stream_->set_timeout(ms(worker_->site().options.http.keep_alive_timeout));
    stream_->resume_receiving();
}

void HttpConnection::begin_request() {
    if (reply_key_.generation) return;
    reply_key_ = worker_->replies().next_key();
    worker_->replies().insert(*this);
}

// The one place where a request ends for those who know it: its watcher, and every http::Reply.
void HttpConnection::end_request(RequestEnd how) {
    const base::SlotKey request = reply_key_;
    release_key();
    if (RequestWatcher* const watcher = std::exchange(watcher_, nullptr))
        watcher->request_ended(watched_for_, request, how);
}

void HttpConnection::release_key() {
    if (!reply_key_.generation) return;
    worker_->replies().remove(*this);
    reply_key_ = {};
    posted_calls_ = 0;
}

void HttpConnection::log_access() {
    if (!worker_->site().options.access_log) return;
    // A query that may hold a login does not go into a log.
    std::string_view target = head_seen_ ? parser_.head().target : std::string_view("-");
    if (target.find("token=") != target.npos) target = target.substr(0, target.find('?'));
    // A request that was refused before its head was whole has neither method nor target.
    const auto now = std::chrono::steady_clock::now();
    const auto took = head_seen_ ? now - began_ : now - now;
    if (remote_address_.empty()) remote_address_ = stream_->peer_ip();
    const std::array<log::Field, 6> fields{{
        {"peer", std::string_view(remote_address_)},
        {"method", head_seen_ ? parser_.head().method : std::string_view("-")},
        {"target", target},
        {"status", int64_t(status_)},
        {"bytes", int64_t(std::exchange(sent_bytes_, 0))},
        {"ms", std::chrono::duration<double, std::milli>(took).count()},
    }};
    worker_->log(log::Level::info, "request", fields);
}

// ---- ending -------------------------------------------------------------------------------------

void HttpConnection::on_ended() {
    ended_ = true;
    // A client that half-closes while it waits for a promised answer is taken for gone.
    if (phase_ != Phase::file && phase_ != Phase::draining) stream_->close();
}

void HttpConnection::on_timeout() {
    if (phase_ != Phase::reading) return;
    if (head_seen_ || parser_.started()) return fail(408, "the request took too long");
    stream_->close();
}

void HttpConnection::on_closed(net::CloseReason) {
    worker_->connection_closed();
    phase_ = Phase::closing;
    end_request(RequestEnd::client_left);
}

void HttpConnection::go_away() {
    if (watcher_) watcher_->request_must_end(watched_for_, reply_key_);
    if (phase_ == Phase::reading && !parser_.started()) stream_->close();
}

}  // namespace starling::server
