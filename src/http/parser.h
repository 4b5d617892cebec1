// http/parser.h: RFC 9112, receiving side of a server. Bytes in, events out: no socket, clock or
// log.
//
// Owner:  one connection, as long as it speaks HTTP. Thread: that connection's.
// Views:  those of head() point into the parser's own buffer and live until reset() or destruction;
//         those of body_chunk point into the caller's input.
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
    uint32_t head_bytes_max = 16 * 1024;   // Request line and fields: 431 beyond.
    uint32_t fields_max = 100;             // 431 beyond; trailers likewise.
    uint32_t target_bytes_max = 8 * 1024;  // 414 beyond.
    uint64_t body_bytes_max = 1'000'000;   // 413 beyond, from the promise where there is one.
    uint32_t chunk_line_bytes_max = 256;   // One chunk size with its extensions: 400 beyond.
    uint32_t extension_bytes_max = 4096;   // All chunk extensions of a body: 400 beyond.
    uint32_t trailer_bytes_max = 4096;     // 431 beyond.
};

struct ParseEvent {
    enum class Kind : uint8_t {
        need_more,   // All of the input was taken.
        head,        // head() is ready. Answer 100-continue or upgrade now, if at all.
        body_chunk,  // `body` holds the next bytes of the body, never empty.
        complete,    // The request ended; `input` starts behind it. Repeats until reset().
        error,       // `status` and `reason`. Final: repeats for ever, even after reset().
    };
    Kind kind = Kind::need_more;
    int status = 0;                // 400, 413, 414, 417, 431, 501, 505.
    std::string_view reason = {};  // Static text for a log or an error body.
    std::span<const std::byte> body = {};
};

struct RequestHead {
    std::string_view method, target;
    std::string_view
        path;  // Percent-encoded; "/" where an absolute-form has none; "*" for OPTIONS *.
    std::string_view query;  // Behind '?', percent-encoded.
    std::string_view host;   // RFC 9112 section 3.2.2: an absolute-form wins over the Host field.
    std::span<const Field> fields;
    std::optional<uint64_t> content_length;
    int version_minor = 1;
    bool chunked = false;
    bool keep_alive = true;         // RFC 9112 section 9.3, from version and Connection alone.
    bool expects_continue = false;  // RFC 9110 section 10.1.1, only with a body and in HTTP/1.1.

    bool has_body() const noexcept { return chunked || content_length.value_or(0) > 0; }
};

class RequestParser {
public:
    explicit RequestParser(const ParserLimits& limits);  // `limits` outlives the parser.
    ~RequestParser();
    RequestParser(RequestParser&&) noexcept;
    RequestParser& operator=(RequestParser&&) noexcept;

    // Consumes from the front of `input` and never beyond the end of one request, so what follows
    // (a pipelined request, WebSocket frames behind an upgrade) stays in `input`.
    [[nodiscard]] ParseEvent next(std::span<const std::byte>& input);

    // Ready for the next request; keeps the memory. Only after `complete`.
    void reset();

    // False between requests: nothing of the next one has arrived. For idle timeouts.
    [[nodiscard]] bool started() const noexcept;

    // All from `head` until reset().
    [[nodiscard]] const RequestHead& head() const noexcept;
    [[nodiscard]] std::string_view field(
        std::string_view name) const noexcept;  // The first, or "".
    // Is the method HEAD, as far as it has arrived? Valid at any time, after an error too: an answer
    // to HEAD has no body (RFC 9110 section 9.3.2).
    [[nodiscard]] bool is_head_request() const noexcept;
    [[nodiscard]] bool keep_alive() const noexcept { return head().keep_alive; }
    [[nodiscard]] bool expects_continue() const noexcept { return head().expects_continue; }
    // The first field line of that name among what has arrived of a head, which may be at fault or not
    // complete: for the answer to a request that is refused, and nothing else.
    [[nodiscard]] std::string_view raw_field(std::string_view name) const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace starling::http
