// server/answer_writer.h: writes the answers of an HTTP connection to its stream, one after the
// other: whole answers, files in pieces, and answers that a handler streams.
//
// Owner: the HttpConnection. Thread: the worker's.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/response_access.h"
#include "http/response_writer.h"

namespace starling::net {
class Stream;
}

namespace starling::server {

class AnswerWriter {
public:
    enum class Progress : uint8_t {
        complete,  // The whole answer is queued or sent.
        more,      // The rest follows in pieces by pump().
        broken,    // The file is shorter than the length already sent in the head.
    };

    // `scratch` is the worker's buffer; its contents are lost. `context.keep_alive`: this side
    // allows another request. Afterwards keep_alive() tells what the head of the answer announced.
    [[nodiscard]] Progress write(net::Stream& stream, std::string& scratch,
                                 const http::Response& response, const http::WriteContext& context);
    // Sends the next piece after `more`. Throws what the source of Response::stream() throws.
    [[nodiscard]] Progress pump(net::Stream& stream, std::string& scratch);

    // The three steps of a streamed answer.
    void begin_stream(net::Stream& stream, std::string& scratch, const http::Response& response,
                      const http::WriteContext& context);
    void write_piece(net::Stream& stream, std::string& scratch, std::string_view bytes);
    void end_stream(net::Stream& stream, std::string& scratch) const;

    // Sends a plain-text answer to a request that violates the protocol.
    void write_error(net::Stream& stream, std::string& scratch, int status, std::string_view reason,
                     const http::WriteContext& context, std::string_view field_lines);
    // Sends the head only. Another handler then sends the body, which ends with the connection.
    void write_last_head(net::Stream& stream, std::string& scratch, http::Response& response,
                         std::string_view date);
    void note_status(int status) noexcept { status_ = status; }

    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
    // For the access log: status and size of the newest answer. take_sent_bytes() resets the size
    // to 0.
    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] uint64_t take_sent_bytes() noexcept { return std::exchange(sent_bytes_, 0); }

private:
    [[nodiscard]] Progress pump_source(net::Stream& stream, std::string& scratch);

    std::unique_ptr<http::FileBody> file_;  // Set while a file is sent in pieces.
    uint64_t sent_bytes_ = 0;
    int status_ = 0;
    bool keep_alive_ = true;
    bool chunked_ = false;   // The streamed answer uses chunks.
    bool bodiless_ = false;  // The streamed answer has no body: the request was a HEAD.
};

}  // namespace starling::server
