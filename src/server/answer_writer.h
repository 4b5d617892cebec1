// server/answer_writer.h: writes one answer after the other to an HTTP connection's stream: whole, from a
// file in pieces, or streamed by a handler.
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
        more,      // The rest follows in pieces, see pump().
        broken,    // The file shrank; its length is promised already.
    };

    // `scratch` is the worker's; its contents are lost. `context.keep_alive` says whether this side
    // allows another request; keep_alive() then says what the answer's head promised.
    [[nodiscard]] Progress write(net::Stream& stream, std::string& scratch,
                                 const http::Response& response, const http::WriteContext& context);
    // The next piece, where more was said. Throws what the source of Response::stream() throws.
    [[nodiscard]] Progress pump(net::Stream& stream, std::string& scratch);

    // A streamed answer: its head, its pieces, its end.
    void begin_stream(net::Stream& stream, std::string& scratch, const http::Response& response,
                      const http::WriteContext& context);
    void write_piece(net::Stream& stream, std::string& scratch, std::string_view bytes);
    void end_stream(net::Stream& stream, std::string& scratch);

    // A plain-text answer to a request that the protocol refuses.
    void write_error(net::Stream& stream, std::string& scratch, int status, std::string_view reason,
                     const http::WriteContext& context, std::string_view field_lines);
    // Only the head; the body is another handler's and ends with the connection.
    void write_last_head(net::Stream& stream, std::string& scratch, http::Response& response,
                         std::string_view date);
    void note_status(int status) noexcept { status_ = status; }

    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
    // For the access log: of the newest answer. Taking the bytes sets them to 0.
    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] uint64_t take_sent_bytes() noexcept { return std::exchange(sent_bytes_, 0); }

private:
    [[nodiscard]] Progress pump_source(net::Stream& stream, std::string& scratch);

    std::unique_ptr<http::FileBody> file_;  // Of an answer that goes out in pieces.
    uint64_t sent_bytes_ = 0;
    int status_ = 0;
    bool keep_alive_ = true;
    bool chunked_ = false;   // The streamed answer.
    bool bodiless_ = false;  // The streamed answer is to a HEAD.
};

}  // namespace starling::server
