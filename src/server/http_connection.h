// server/http_connection.h: HTTP/1.1 on one stream: requests in, answers out, in order.
//
// One request at a time is in work; pipelined ones wait in the stream. A request that becomes a
// WebSocket hands the stream over to a WsConnection. The RequestReader reads, the AnswerWriter writes,
// HttpPhase says what may happen when; this class decides what to do with each request.
//
// Owner: the stream. Thread: the worker's.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/slot_table.h"
#include "server/answer_writer.h"
#include "server/connection.h"
#include "server/http_phase.h"
#include "server/request_reader.h"

namespace starling::server {

class Worker;

class HttpConnection final : public Connection {
public:
    explicit HttpConnection(Worker& worker);
    ~HttpConnection() override;

    void start();    // Once the stream is there.
    void arrived();  // Once the stream is there on the worker that owns the request.

    // net::StreamHandler
    void on_bytes(std::span<std::byte>& input) override;
    void on_ended() override;
    void on_drained() override;
    void on_timeout() override;
    void on_closed(net::CloseReason reason) override;
    // Connection
    void go_away() override;

    // ---- For routes -----------------------------------------------------------------------------
    [[nodiscard]] Worker& worker() const noexcept { return *worker_; }
    // Tells the watcher of the end of the request in work. Once for each request.
    void watch(RequestWatcher& watcher, base::SlotKey subject) noexcept {
        watcher_ = &watcher;
        watched_for_ = subject;
    }
    // What watch() named; a key of no object while nothing watches.
    [[nodiscard]] base::SlotKey watched_for() const noexcept {
        return watcher_ ? watched_for_ : base::SlotKey{};
    }
    // The response that the route is filling, or has promised.
    [[nodiscard]] http::Response& response() noexcept {
        return answering_ ? *answering_ : *promised_;
    }
    // From Route::answer(): the head of the response is sent, and the stream is the successor's from
    // then on. The body ends with the connection, so it needs no framing of HTTP's.
    void hand_over_to(std::unique_ptr<Connection> successor) { successor_ = std::move(successor); }

    // From Route::begin_body(): the body goes to `reader` as it comes, and is not kept.
    void read_body_by(http::BodyReader reader) {
        body_reader_ = std::make_unique<http::BodyReader>(std::move(reader));
    }
    // From Route::answer(). Null: none was set.
    [[nodiscard]] std::unique_ptr<http::BodyReader> take_body_reader() noexcept {
        return std::move(body_reader_);
    }

    // ---- For Worker::replies() ------------------------------------------------------------------
    // The request in work: from its head on where the route takes part in reading the body, else once
    // it is whole; until its answer has left, but for little.
    [[nodiscard]] base::SlotKey slot_key() const noexcept { return reply_key_; }
    [[nodiscard]] size_t queued_bytes() const noexcept { return stream_->queued_bytes(); }
    // Calls made on this thread are posted while the handler runs, and behind others that were.
    [[nodiscard]] bool must_post() const noexcept { return answering_ || posted_calls_ > 0; }
    void call_posted() noexcept { ++posted_calls_; }
    void call_arrived() noexcept { --posted_calls_; }
    void finish_later(http::Response response);
    [[nodiscard]] bool write_later(std::string_view bytes);
    void write_posted(std::string_view bytes);  // The limit was asked when the call was posted.
    void end_later();
    void reply_dropped();          // No copy of its http::Reply is left.
    void pause_body(bool paused);  // Of the request that is being read.
    // For calls that do not come from the stream: an exception, for want of memory say, ends the
    // connection, whose answer would be a part only.
    template <class F>
    void close_if_throws(F&& call) {
        try {
            call(*this);
        } catch (...) {
            stream_->close(net::Stream::Close::reset);
            throw;
        }
    }

private:
    using Phase = HttpPhase::Phase;
    using Event = HttpPhase::Event;

    // Reading.
    void step(const http::ParseEvent& event);
    void begin_head();
    void on_head();
    void on_request();
    [[nodiscard]] bool belongs_elsewhere();
    void take_head();
    [[nodiscard]] bool begin_body();
    void take_body(std::span<const std::byte> bytes);
    void body_refused();
    [[nodiscard]] bool pass_middleware();
    [[nodiscard]] bool run_middleware(const http::Request& request, http::Response& response);
    void read_on();
    void upgrade();
    void fail(int status, std::string_view reason, std::string_view field_lines = {});
    [[nodiscard]] http::RequestParts request_parts();
    void read_next();
    // Answering.
    void decide(const http::Request& request, http::Response& response);
    void call_route(const http::Request& request, http::Response& response);
    // Runs code of the application's. False: it threw, and the response says so.
    template <class F>
    [[nodiscard]] bool guarded(const http::Request& request, http::Response& response, F&& call) {
        http::Response* const outer = std::exchange(answering_, &response);
        try {
            call();
            answering_ = outer;
            return true;
        } catch (...) {
            answering_ = outer;
            answer_exception(request, response);
            return false;
        }
    }
    void answer_exception(const http::Request& request, http::Response& response);
    void answer_unrouted(http::Response& response);
    void respond(http::Response& response);
    void hand_over(http::Response& response);
    void write_whole(http::Response& response);
    void pump_file();
    void pump_file_next_tick();
    void start_stream();
    void finish_answer();
    void answer_failed(std::string_view why);
    void log_unanswered(std::string_view why, const http::Request& request);
    void begin_request();  // Gives the request its key.
    void end_request(RequestEnd how);
    void release_key();
    [[nodiscard]] const http::CorsOptions* cors() const noexcept;
    void apply_cors_late(http::Response& response);
    [[nodiscard]] std::string cors_lines_of_failure();
    void decorate(http::Response& response) const;
    [[nodiscard]] http::WriteContext write_context() const;
    void log_access();

    Worker* worker_;  // Another one after a move.
    RequestReader reader_;
    AnswerWriter writer_;
    HttpPhase phase_;
    bool keep_alive_ = true;    // The connection may go on after the answer in progress.
    bool ended_ = false;        // The peer sends no more requests.
    bool held_ = false;         // The stream keeps requests that wait for their turn.
    bool body_paused_ = false;  // Until http::RequestBody::resume().
    uint32_t destination_ = 0;  // The index of the worker that the connection moves to.
    base::SlotKey reply_key_;   // Of one request: the next one has another.
    uint32_t posted_calls_ = 0;
    RequestWatcher* watcher_ = nullptr;  // Of the request in work; null: none.
    base::SlotKey watched_for_;
    http::Response* answering_ = nullptr;     // While a handler runs.
    std::optional<http::Response> promised_;  // Status and fields for a streamed answer.
    std::unique_ptr<http::BodyReader>
        body_reader_;  // Of the request in work; null: its body is kept.
    // The fields that middleware has set for the answer; null: it has not run for the request.
    std::unique_ptr<const std::string> middleware_lines_;
    std::unique_ptr<Connection> successor_;  // Gets the stream with the head of the answer.
    std::string remote_address_;
};

}  // namespace starling::server
