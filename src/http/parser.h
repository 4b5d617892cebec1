// http/parser.h: RFC 9112, receiving side of a server. Bytes in, events out: no socket, clock or
// log.
//
// Owner:  one connection, while it speaks HTTP. Thread: that connection's.
// Views:  those of head() point into the parser's buffer, and live until reset() or destruction;
//         that of a body_chunk points into the caller's input.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace starling::http {

struct ParserLimits {
    uint32_t head_bytes_max = 16 * 1024;   // Request line and fields; 431 beyond.
    uint32_t fields_max = 100;             // 431 beyond, also for trailers.
    uint32_t target_bytes_max = 8 * 1024;  // 414 beyond.
    uint64_t body_bytes_max = 1'000'000;   // 413 beyond; known from Content-Length, if given.
    uint32_t chunk_line_bytes_max = 256;   // A chunk size with its extensions; 400 beyond.
    uint32_t extension_bytes_max = 4096;   // All chunk extensions of a body; 400 beyond.
    uint32_t trailer_bytes_max = 4096;     // 431 beyond.
};

struct ParseEvent {
    enum class Kind : uint8_t {
        need_more,   // All input was consumed.
        head,        // head() is valid. Answer 100-continue or upgrade now, if at all.
        body_chunk,  // `body` holds the next bytes of the body; it is never empty.
        complete,    // The request has ended; `input` starts after it. Repeats until reset().
        error,       // `status` and `reason` are set. Final: repeats for ever, even after reset().
    };
    Kind kind = Kind::need_more;
    int status = 0;                // 400, 413, 414, 417, 431, 501, 505.
    std::string_view reason = {};  // Static text for a log or the body of the answer.
    std::span<const std::byte> body = {};
};

struct RequestHead {
    std::string_view method, target;
    std::string_view
        path;  // Percent-encoded; "/" for an absolute-form without a path; "*" for OPTIONS *.
    std::string_view query;  // After '?', percent-encoded.
    std::string_view host;   // RFC 9112 section 3.2.2: an absolute-form overrides the Host field.
    std::span<const Field> fields;
    std::optional<uint64_t> content_length;
    int version_minor = 1;
    bool chunked = false;
    bool keep_alive = true;         // RFC 9112 section 9.3, from version and Connection.
    bool expects_continue = false;  // RFC 9110 section 10.1.1: HTTP/1.1, with a body.

    [[nodiscard]] bool has_body() const noexcept {
        return chunked || content_length.value_or(0) > 0;
    }
};

class RequestParser {
public:
    explicit RequestParser(const ParserLimits& limits);  // `limits` outlives the parser.
    ~RequestParser();
    RequestParser(RequestParser&&) noexcept;
    RequestParser& operator=(RequestParser&&) noexcept;

    // Consumes bytes from the front of `input`, never beyond the end of one request: later bytes (a
    // pipelined request, WebSocket frames after an upgrade) stay in `input`.
    [[nodiscard]] ParseEvent next(std::span<const std::byte>& input);

    // Prepares for the next request, and keeps the memory. Call only after `complete`.
    void reset();

    // False between requests: no byte of the next request has arrived. For idle timeouts.
    [[nodiscard]] bool started() const noexcept;

    // Valid from the `head` event until reset().
    [[nodiscard]] const RequestHead& head() const noexcept;
    [[nodiscard]] std::string_view field(
        std::string_view name) const noexcept;  // The first such field's value, or "".
    // True if the part of the head that has arrived begins with HEAD. Valid at any time, also after
    // an error: an answer to HEAD has no body (RFC 9110 section 9.3.2).
    [[nodiscard]] bool is_head_request() const noexcept;
    [[nodiscard]] bool keep_alive() const noexcept { return head().keep_alive; }
    [[nodiscard]] bool expects_continue() const noexcept { return head().expects_continue; }
    // The first field line of that name in the bytes of a head that may be faulty or incomplete.
    // Only for the answer to a refused request.
    [[nodiscard]] std::string_view raw_field(std::string_view name) const noexcept;

private:
    struct State;
    struct Unused;  // The states that this thread keeps for the next parsers.
    std::unique_ptr<State> state_;
};

}  // namespace starling::http
