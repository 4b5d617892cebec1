// server/http_connection.h: HTTP/1.1 on one stream: requests in, answers out, in order.
//
// One request at a time is handled; pipelined ones wait in the stream. A request that becomes a
// WebSocket gives the stream to a WsConnection. The RequestReader reads requests, the AnswerWriter
// writes answers, HttpPhase is the state machine; this class decides what to do with each request.
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
#include "base/spares.h"
#include "server/answer_writer.h"
#include "server/client_address.h"
#include "server/connection.h"
#include "server/http_phase.h"
#include "server/request_reader.h"

namespace starling::server {

class Worker;

// A WebSocket's handshake needs one for a moment: a thread keeps the memory of up to 32.
class HttpConnection final : public Connection, public base::InSpareMemory<HttpConnection, 32> {
public:
    explicit HttpConnection(Worker& worker, Listen::Serves serves = Listen::Serves::everything);
    ~HttpConnection() override;

    // Call it once the stream is set. `relayed_address`: see ClientAddress::relay().
    void start(std::string relayed_address = {});
    // Call it once the stream is set on the worker that owns the request.
    void arrived();

    // net::StreamHandler
    void on_bytes(std::span<std::byte>& input) override;
    void on_ended() override;
    void on_drained() override;
    void on_timeout() override;
    void on_closed(net::CloseReason reason) override;
    // Connection
    void go_away() override;
    void close_idle() override;
    void describe(ConnectionFacts& facts) override;
    void disconnect(uint16_t, std::string_view) override {
        stream_->close(net::Stream::Close::reset);
    }

    // ---- For routes -----------------------------------------------------------------------------
    [[nodiscard]] Worker& worker() const noexcept { return *worker_; }
    // Calls the watcher when the current request ends. At most once for each request.
    void watch(RequestWatcher& watcher, base::SlotKey subject) noexcept {
        watcher_ = &watcher;
        watched_for_ = subject;
    }
    // The subject given to watch(); a key of no object if there is no watcher.
    [[nodiscard]] base::SlotKey watched_for() const noexcept {
        return watcher_ ? watched_for_ : base::SlotKey{};
    }
    // The response that the route is filling in, or has promised.
    [[nodiscard]] http::Response& response() noexcept {
        return answering_ ? *answering_ : *promised_;
    }
    // Called in Route::answer(). The head of the response is sent, and `successor` becomes the
    // stream's handler. The body ends with the connection, so it needs no framing.
    void hand_over_to(std::unique_ptr<Connection> successor) { successor_ = std::move(successor); }

    // Called in WsHandler::admit() of a handler that decides later: gives the request its key.
    void begin_later() { begin_request(); }
    // Called once the handler has decided: it is asked again, and the upgrade succeeds or is
    // refused. May open the WebSocket before it returns.
    void decide_upgrade_now();

    // Called in Route::begin_body(): the body goes to `reader` as it arrives, and is not stored.
    void read_body_by(http::BodyReader reader) {
        body_reader_ = std::make_unique<http::BodyReader>(std::move(reader));
    }
    // Called in Route::answer(). Null: the body has no reader.
    [[nodiscard]] std::unique_ptr<http::BodyReader> take_body_reader() noexcept {
        return std::move(body_reader_);
    }

    // ---- For Worker::replies() ------------------------------------------------------------------
    // The key of the current request. It exists from the head on if the route reads the body
    // itself, else from the end of the body on, and until nearly all of the answer was sent.
    [[nodiscard]] base::SlotKey slot_key() const noexcept { return reply_key_; }
    [[nodiscard]] size_t queued_bytes() const noexcept { return stream_->queued_bytes(); }
    // Calls on this thread must be posted while the handler runs, and after calls that were posted.
    [[nodiscard]] bool must_post() const noexcept { return answering_ || posted_calls_ > 0; }
    void call_posted() noexcept { ++posted_calls_; }
    void call_arrived() noexcept { --posted_calls_; }
    void finish_later(http::Response response);
    [[nodiscard]] bool write_later(std::string_view bytes);
    void write_posted(std::string_view bytes);  // The limit was checked when the call was posted.
    void end_later();
    void reply_dropped();          // The last copy of the request's http::Reply was destroyed.
    void pause_body(bool paused);  // Pauses the body that is being read.
    // For calls that do not come from the stream. An exception (out of memory, for example) closes
    // the connection, because the answer would be incomplete.
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

    // ---- Reading --------------------------------------------------------------------------------
    void step(const http::ParseEvent& event);
    void begin_head();
    void on_head();
    [[nodiscard]] bool read_client();
    void keep_client();
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
    void try_upgrade();
    void fail(int status, std::string_view reason, std::string_view field_lines = {});
    [[nodiscard]] http::RequestParts request_parts();
    void read_next();
    // ---- Answering ------------------------------------------------------------------------------
    void decide(const http::Request& request, http::Response& response);
    void call_route(const http::Request& request, http::Response& response);
    // Runs code of the application. False: the code threw, and `response` is now the answer to its
    // exception.
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
    [[nodiscard]] const http::CorsOptions* shared_cors() const noexcept;
    [[nodiscard]] const http::CorsOptions* cors() const noexcept;
    void apply_cors_late(http::Response& response);
    [[nodiscard]] std::string cors_lines_of_failure();
    void decorate(http::Response& response) const;
    [[nodiscard]] std::string error_lines() const;
    [[nodiscard]] http::WriteContext write_context() const;
    void log_access();

    Worker* worker_;  // Changes if the connection moves to another worker.
    RequestReader reader_;
    AnswerWriter writer_;
    HttpPhase phase_;
    bool keep_alive_ = true;    // The connection may go on after the current answer.
    bool ended_ = false;        // The peer sends no more requests.
    bool leaves_ = false;       // The next answer is the last one of the connection.
    bool held_ = false;         // Requests that wait for their turn stay in the stream.
    bool body_paused_ = false;  // Until http::RequestBody::resume().
    uint32_t destination_ = 0;  // Index of the worker to which the connection moves.
    base::SlotKey reply_key_;   // Key of the current request; each request has another.
    uint32_t posted_calls_ = 0;
    RequestWatcher* watcher_ = nullptr;  // Watches the current request; null: none.
    base::SlotKey watched_for_;
    http::Response* answering_ = nullptr;     // Set while a handler runs.
    std::optional<http::Response> promised_;  // Status and fields for a streamed answer.
    // Reads the body of the current request; null: the body is stored.
    std::unique_ptr<http::BodyReader> body_reader_;
    // The fields that middleware set for the answer; null: it has not run for this request.
    std::unique_ptr<const std::string> middleware_lines_;
    std::unique_ptr<Connection> successor_;  // Gets the stream after the answer's head.
    ClientAddress client_;
};

}  // namespace starling::server
