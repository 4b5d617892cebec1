// server/http_answers.cpp: the part of HttpConnection that sends answers, at once or later.
#include <array>
#include <exception>
#include <string>
#include <utility>

#include "base/exception_text.h"
#include "base/text.h"
#include "http/access_line.h"
#include "http/masking.h"
#include "http/response_access.h"
#include "net/loop.h"
#include "server/host_sites.h"
#include "server/http_connection.h"
#include "server/worker.h"

namespace starling::server {
namespace {

// While the client leaves more than this of its answers unread, its next request waits.
constexpr size_t answers_queued_bytes_max = 64 * 1024;

}  // namespace

void HttpConnection::decide(const http::Request& request, http::Response& response) {
    const bool answers = reader_.route() && reader_.route()->answers_while_stopping();
    if (worker_->stopping() && !answers) {
        response.status(503).header("Retry-After", "1").text("The server is stopping.\n");
        return;
    }
    // The CORS rules alone answer a preflight. A path's own rules replace those of the server.
    const http::CorsOptions* const rules = cors();
    if (rules && rules == shared_cors() && http::apply_cors(*rules, request, response)) return;
    if (!run_middleware(request, response)) return;
    if (reader_.route())
        call_route(request, response);
    else
        answer_unrouted(response);
}

void HttpConnection::call_route(const http::Request& request, http::Response& response) {
    const bool whole =
        guarded(request, response, [&] { reader_.route()->answer(*this, request, response); });
    if (!whole) successor_.reset();
}

// True if no middleware answers. Runs once for each request: at its head if it has a body or
// upgrades, else when it is whole.
bool HttpConnection::run_middleware(const http::Request& request, http::Response& response) {
    const MiddlewareList& middleware = worker_->site().middleware;
    if (middleware.empty() || middleware_lines_) return true;
    http::Next next = http::Next::answer;
    const bool whole =
        guarded(request, response, [&] { next = middleware.run(request, response); });
    middleware_lines_ =
        std::make_unique<const std::string>(whole ? response.field_lines() : std::string_view());
    return whole && next == http::Next::proceed;
}

// Runs the middleware before a body is read or a WebSocket is opened. False: the middleware has
// answered, and the connection ends with the answer.
bool HttpConnection::pass_middleware() {
    if (worker_->site().middleware.empty() || worker_->stopping()) return true;
    begin_request();
    const http::Request request(request_parts());
    http::Response response = http::ResponseAccess::make(worker_->reply_lifetime(), reply_key_);
    if (run_middleware(request, response)) return true;
    worker_->counters().requests.add();
    keep_alive_ = false;
    stream_->cancel_timeout();
    if (cors()) (void)http::apply_cors(*cors(), request, response);
    respond(response);
    return false;
}

// Call it within a catch block: makes the answer to the caught exception.
void HttpConnection::answer_exception(const http::Request& request, http::Response& response) {
    response = http::Response();
    std::string what;
    try {
        throw;
    } catch (const http::BadRequest& fault) {
        http::plain_answer(response, fault.status(), fault.what());
    } catch (...) {
        what = base::describe_current_exception();
    }
    if (response.status() == 200) {
        worker_->log_exception(request.path(), what);
        response.status(500).text("Internal Server Error\n");
    }
    // Without the CORS fields a page of another origin would see a network error instead of the
    // status.
    if (cors()) (void)http::apply_cors(*cors(), request, response);
}

void HttpConnection::answer_unrouted(http::Response& response) {
    const http::Router::Match& match = reader_.match();
    switch (match.outcome) {
        case http::Router::Outcome::method_not_allowed:
            response.status(405).header("Allow", match.allow).text("Method Not Allowed\n");
            return;
        case http::Router::Outcome::options:
            response.no_content().header("Allow", match.allow);
            return;
        default: response.status(404).text("Not Found\n");
    }
}

void HttpConnection::respond(http::Response& response) {
    if (successor_) return hand_over(response);
    if (!response.deferred()) return write_whole(response);
    phase_.on(Event::promises);
    promised_ = std::move(response);
    // A route that watches the request has its own timeout, for example a poll that waits for
    // packets.
    if (!watcher_)
        stream_->set_timeout(
            static_cast<uint64_t>(worker_->site().http_rules->limits.answer_timeout.count()));
}

// Called when a promised answer will not come.
void HttpConnection::answer_failed(std::string_view why) {
    const http::Request request(request_parts());
    const bool stops = worker_->stopping();
    if (!stops) log_unanswered(why, request);
    http::Response response;
    http::plain_answer(response, stops ? 503 : 500);
    if (cors()) (void)http::apply_cors(*cors(), request, response);
    write_whole(response);
}

void HttpConnection::reply_dropped() {
    if (phase_.is(Phase::promised))
        return answer_failed("a promised answer was dropped: no Reply is left to give it");
    if (!phase_.is(Phase::streaming)) return;
    if (!worker_->stopping())
        log_unanswered("a streamed answer was dropped before its end: connection reset",
                       http::Request(request_parts()));
    stream_->close(net::Stream::Close::reset);
}

void HttpConnection::log_unanswered(std::string_view why, const http::Request& request) {
    const std::array<log::Field, 2> fields{
        {{"method", request.method()}, {"path", request.raw_path()}}};
    worker_->log(log::Level::error, why, fields);
}

void HttpConnection::hand_over(http::Response& response) {
    decorate(response);
    writer_.write_last_head(*stream_, worker_->scratch(), response, worker_->date());
    log_access();
    end_request(RequestEnd::answered);
    keep_client();
    // This object has nothing more to do, and is freed at the end of the tick.
    phase_.on(Event::handed_over);
    Connection& successor = *successor_;
    stream_->replace_handler(std::move(successor_));
    successor.took_over();
}

http::WriteContext HttpConnection::write_context() const {
    return {.head_request = reader_.head().method == "HEAD",
            .version_minor = reader_.head().version_minor,
            .keep_alive = keep_alive_ && !leaves_ && !(ended_ && !held_) && !worker_->stopping() &&
                          !worker_->group().handed_over,
            .date = worker_->date()};
}

void HttpConnection::decorate(http::Response& response) const {
    if (middleware_lines_) http::ResponseAccess::add_missing(response, *middleware_lines_);
    const Site& site = worker_->site();
    if (reader_.host())
        reader_.host()->decorate(response);
    else
        for (const auto& header : site.default_headers)
            if (!response.has_header(header.name)) response.header(header.name, header.value);
    for (const std::string& name : site.removed_headers)
        http::ResponseAccess::erase(response, name);
}

// The default fields for an error of the protocol, without those that such an answer sets itself.
std::string HttpConnection::error_lines() const {
    const Site& site = worker_->site();
    if (!reader_.host() && site.removed_headers.empty()) return site.error_field_lines;
    http::Response response;
    decorate(response);
    for (const char* name : {"Content-Type", "X-Content-Type-Options"})
        http::ResponseAccess::erase(response, name);
    return std::string(response.field_lines());
}

void HttpConnection::write_whole(http::Response& response) {
    if (const auto* file = http::ResponseAccess::file(response); file && !file->path.empty()) {
        const http::Request request(request_parts());
        worker_->downloads().answer(request, response, worker_->now_s());
    }
    decorate(response);
    const auto context = write_context();
    const auto progress = writer_.write(*stream_, worker_->scratch(), response, context);
    if (progress == AnswerWriter::Progress::complete) return finish_answer();
    phase_.on(Event::sends_file);
    pump_file();
}

void HttpConnection::pump_file() {
    if (!phase_.is(Phase::file) || !stream_->is_open()) return;
    auto progress = AnswerWriter::Progress::broken;
    const http::Request request(request_parts());
    http::Response unused;
    // An exception of the source is only logged: it is too late for another answer.
    (void)guarded(request, unused, [&] { progress = writer_.pump(*stream_, worker_->scratch()); });
    switch (progress) {
        case AnswerWriter::Progress::more: return stream_->want_drained();
        case AnswerWriter::Progress::complete: return finish_answer();
        case AnswerWriter::Progress::broken:
            // Only a broken connection tells the client that the body is incomplete.
            phase_.on(Event::failed);
            return stream_->close(net::Stream::Close::reset);
    }
}

void HttpConnection::pump_file_next_tick() {
    stream_->loop().post([worker = worker_, key = reply_key_] {
        if (HttpConnection* connection = worker->replies().find(key))
            connection->close_if_throws([](HttpConnection& c) { c.pump_file(); });
    });
}

void HttpConnection::finish_answer() {
    log_access();
    // While the client has not read the answer, the request is not finished and keeps its key.
    const bool leaves = stream_->queued_bytes() <= answers_queued_bytes_max;
    if (leaves) end_request(RequestEnd::answered);
    // Destroyed at the end of this function, together with its coroutine. The coroutine may still
    // call its Reply, for which the answer is finished by then.
    const auto promise = std::exchange(promised_, std::nullopt);
    if (!writer_.keep_alive() || (ended_ && !held_)) {
        phase_.on(Event::answered_last);
        return stream_->close();
    }
    reader_.reset();
    client_.forget_head();
    if (leaves) {
        phase_.on(Event::answered);
        return read_next();
    }
    phase_.on(Event::answered_full);
    stream_->want_drained();
}

// ---- answers that come later --------------------------------------------------------------------

void HttpConnection::finish_later(http::Response response) {
    if (phase_.is(Phase::streaming) && http::ResponseAccess::failed(response))
        return stream_->close(net::Stream::Close::reset);
    if (!phase_.is(Phase::promised)) return;
    if (response.deferred()) {  // A coroutine that now streams its answer.
        http::ResponseAccess::replace_promise(response, *promised_);
        promised_ = std::move(response);
        return;
    }
    apply_cors_late(response);
    write_whole(response);
}

bool HttpConnection::write_later(std::string_view bytes) {
    if (!phase_.is(Phase::promised) && !phase_.is(Phase::streaming)) return false;
    if (!stream_->is_open()) return false;
    // A queue that one tick filled does not show that the peer is slow, as long as the kernel takes
    // the bytes.
    const uint64_t queue_bytes_max = worker_->site().http_rules->limits.stream_queue_bytes_max;
    if (stream_->queued_bytes() > queue_bytes_max) stream_->offer_queued();
    if (!stream_->is_open() || stream_->queued_bytes() > queue_bytes_max) return false;
    write_posted(bytes);
    return true;
}

void HttpConnection::write_posted(std::string_view bytes) {
    if (phase_.is(Phase::promised)) start_stream();
    if (!phase_.is(Phase::streaming) || !stream_->is_open()) return;
    writer_.write_piece(*stream_, worker_->scratch(), bytes);
    worker_->replies().set_note(
        reply_key_, static_cast<uint32_t>(std::min<size_t>(stream_->queued_bytes(), UINT32_MAX)));
    if (stream_->queued_bytes() > 0) stream_->want_drained();
}

void HttpConnection::start_stream() {
    stream_->cancel_timeout();
    decorate(*promised_);
    writer_.begin_stream(*stream_, worker_->scratch(), *promised_, write_context());
    phase_.on(Event::streams);
}

void HttpConnection::end_later() {
    if (phase_.is(Phase::promised)) {
        http::Response response = std::move(*promised_);
        return write_whole(response);
    }
    if (!phase_.is(Phase::streaming)) return;
    writer_.end_stream(*stream_, worker_->scratch());
    finish_answer();
}

// ---- cross-origin -------------------------------------------------------------------------------

// The response of a Reply lacks the CORS fields, which only the handler's response has.
void HttpConnection::apply_cors_late(http::Response& response) {
    if (!cors()) return;
    const http::Request request(request_parts());
    (void)http::apply_cors(*cors(), request, response);
}

// The rules for routes without rules of their own: those of the request's site, else those of the
// server. Null: none.
const http::CorsOptions* HttpConnection::shared_cors() const noexcept {
    const HostEntry* const host = reader_.host();
    return host && host->own_cors() ? host->own_cors() : worker_->site().shared_cors();
}

// The rules of the route, else those of the site or the server. Null: none.
const http::CorsOptions* HttpConnection::cors() const noexcept {
    if (reader_.route() && reader_.route()->cors()) return reader_.route()->cors();
    return shared_cors();
}

// The CORS fields of an answer to a request that no handler has seen. Without them a page of
// another origin would see a network error instead of the status.
std::string HttpConnection::cors_lines_of_failure() {
    if (!cors()) return {};
    http::Response response;
    if (reader_.head_seen()) {
        apply_cors_late(response);
        return std::string(response.field_lines());
    }
    // The head is faulty or incomplete. If Origin is missing and the rules allow a single origin,
    // answer for that origin: the browser compares it with the page's origin.
    std::string_view origin = reader_.parser().raw_field("origin");
    if (origin.empty() && cors()->origins.size() == 1) origin = cors()->origins.front();
    const http::Field field{"Origin", origin};
    http::RequestParts parts;
    if (!origin.empty()) parts.fields = {&field, 1};
    (void)http::apply_cors(*cors(), http::Request(parts), response);
    return std::string(response.field_lines());
}

// ---- the access log -----------------------------------------------------------------------------

void HttpConnection::log_access() {
    if (!worker_->site().options.access_log) return;
    // A request refused before its head was complete has neither method nor target.
    const bool seen = reader_.head_seen();
    // Keep logins and session ids in the query out of the log.
    std::string masked;
    const std::string_view target =
        seen ? http::mask_query(reader_.head().target, worker_->site().masked_queries, masked)
             : std::string_view("-");
    const auto took = seen ? reader_.since_head() : std::chrono::steady_clock::duration(0);
    const ServerOptions& options = worker_->site().options;
    const std::string_view method = seen ? reader_.head().method : std::string_view("-");
    const uint64_t sent = writer_.take_sent_bytes();
    log::Sink* const sink =
        options.access_sink ? options.access_sink.get() : worker_->group().log.get();
    if (!sink) return;
    if (options.access_format == AccessFormat::common ||
        options.access_format == AccessFormat::combined) {
        std::string referer;
        const http::Request request(seen ? request_parts() : http::RequestParts());
        const http::AccessFacts facts{
            .peer = client_.text(*stream_),
            .method = method,
            .target = target,
            .version_minor = seen ? reader_.head().version_minor : 1,
            .status = writer_.status(),
            .bytes = sent,
            .referer = http::mask_query(request.header("referer"), worker_->site().masked_queries,
                                        referer),
            .agent = request.header("user-agent")};
        const std::string line = http::access_line(facts, worker_->now_s() * 1000,
                                                   options.access_format == AccessFormat::combined);
        return sink->write(log::Level::info, line);
    }
    const std::array<log::Field, 6> fields{{
        {"peer", std::string_view(client_.text(*stream_))},
        {"method", method},
        {"target", target},
        {"status", static_cast<int64_t>(writer_.status())},
        {"bytes", static_cast<int64_t>(sent)},
        {"ms", std::chrono::duration<double, std::milli>(took).count()},
    }};
    sink->write(log::Level::info, "request", fields);
}

}  // namespace starling::server
