// server/http_connection.h: HTTP/1.1 on one stream: requests in, answers out, in order.
//
// One request at a time is in work; pipelined ones wait in the stream. A request that becomes a
// WebSocket hands the stream over to a WsConnection.
//
// Owner: the stream. Thread: the worker's.
#pragma once

#include <starling/http.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/slot_table.h"
#include "http/parser.h"
#include "http/response_writer.h"
#include "http/router.h"
#include "server/connection.h"

namespace starling::server {

class Worker;
struct SiteRoute;

class HttpConnection final : public Connection {
public:
    explicit HttpConnection(Worker& worker);
    ~HttpConnection() override;

    void start();    // Once the stream is there.
    void arrived();  // Once it is there on the worker that owns the request.

    // net::StreamHandler
    void on_bytes(std::span<std::byte>& input) override;
    void on_ended() override;
    void on_drained() override;
    void on_timeout() override;
    void on_closed(net::CloseReason reason) override;
    // Connection
    void go_away() override;

    // The request in work, for Worker::replies(): from its head on where an Exchange takes its body, else
    // once it is whole; until its answer is complete.
    [[nodiscard]] base::SlotKey slot_key() const noexcept { return reply_key_; }
    // Calls made on this thread are posted while the handler runs, and behind others that were.
    [[nodiscard]] bool must_post() const noexcept { return answering_ || posted_calls_ > 0; }
    void call_posted() noexcept { ++posted_calls_; }
    void call_arrived() noexcept { --posted_calls_; }
    [[nodiscard]] Worker& worker() const noexcept { return *worker_; }
    // For an Exchange: tells the watcher of the end of the request in work. Once for each request.
    void watch(RequestWatcher& watcher, base::SlotKey subject) noexcept {
        watcher_ = &watcher;
        watched_for_ = subject;
    }
    // For an Exchange: what its handler is filling, or has promised.
    [[nodiscard]] http::Response& response() noexcept {
        return answering_ ? *answering_ : *promised_;
    }
    void finish_later(http::Response response);
    [[nodiscard]] bool write_later(std::string_view bytes);
    void write_posted(std::string_view bytes);  // The limit was asked when it was posted.
    void end_later();

private:
    enum class Phase : uint8_t {
        reading,    // Between requests, or in one.
        promised,   // A handler answers later.
        streaming,  // It has begun to.
        file,       // A file is on its way.
        moving,     // The request belongs to another worker, which goes on with it.
        draining,   // Answers that the client does not read hold up its next request.
        closing,
    };

    // Reading.
    void step(const http::ParseEvent& event);
    void begin_head();
    void on_head();
    void on_request();
    [[nodiscard]] bool belongs_elsewhere();
    void take_head();
    [[nodiscard]] bool begin_body();
    void take_body(std::span<const std::byte> bytes);
    [[nodiscard]] uint64_t body_bytes_max() const noexcept;
    void upgrade();
    void fail(int status, std::string_view reason, std::string_view field_lines = {});
    [[nodiscard]] http::RequestParts request_parts();
    // Answering.
    void call_handler(const http::Handler& handler, const http::Request& request,
                      http::Response& response);
    void call_route(const SiteRoute& route, const http::Request& request, http::Response& response);
    void answer_unrouted(http::Response& response);
    void respond(http::Response& response);
    void hand_over(http::Response& response);
    void write_whole(http::Response& response);
    void pump_file();
    void start_stream();
    void apply_cors_late(http::Response& response);
    void pump_file_next_tick();
    void finish_answer();
    void read_next();
    void begin_request();  // Gives it its key.
    void end_request(RequestEnd how);
    void release_key();
    void decorate(http::Response& response) const;
    [[nodiscard]] http::WriteContext write_context() const;
    void log_access();

    Worker* worker_;  // Another one after a move.
    http::RequestParser parser_;
    http::Router::Match match_;
    std::string body_;
    std::string remote_address_;
    Phase phase_ = Phase::reading;
    bool head_seen_ = false;    // Of the request being read.
    bool timing_head_ = true;   // The timeout for a head runs, not the one between requests.
    bool keep_alive_ = true;    // After the answer in progress.
    bool ended_ = false;        // The peer sends no more requests.
    bool held_ = false;         // The stream keeps requests that wait for their turn.
    bool chunked_ = false;      // The streamed answer.
    bool bodiless_ = false;     // The streamed answer is to a HEAD.
    uint32_t destination_ = 0;  // The index of the worker that it moves to.
    base::SlotKey reply_key_;   // Of one request: the next one has another.
    uint32_t posted_calls_ = 0;
    uint64_t head_began_ms_ = 0;
    RequestWatcher* watcher_ = nullptr;  // Of the request in work; null: nobody.
    base::SlotKey watched_for_;
    http::Response* answering_ = nullptr;     // While a handler runs.
    std::optional<http::Response> promised_;  // Status and fields for a streamed answer.
    std::optional<http::FileBody> file_;
    std::unique_ptr<Connection> successor_;  // Gets the stream with the head of the answer.
    // For the access log.
    int status_ = 0;
    uint64_t sent_bytes_ = 0;
    std::chrono::steady_clock::time_point began_;
};

}  // namespace starling::server
