// http/response_reader.h: RFC 9112, receiving side of a client. Bytes in, events out: no socket,
// clock or log.
//
//     reader.begin(ResponseReader::Method::other);  // Before each request.
//     while ((event = reader.next(input)).kind != need_more) ...  // At the peer's end: finish().
//
// Interim responses (1xx) are checked and skipped. 101 is final, as is 2xx to CONNECT: the bytes
// after their heads belong to the next protocol, and stay in the input.
//
// The reader is strict where responses could be read in two ways: it refuses bare CR and LF, folded
// fields, a space before the colon, NUL, several lengths, Content-Length with Transfer-Encoding,
// and any transfer coding but "chunked".
//
// Owner:  one connection of a client. Thread: that connection's.
// Views:  those of head() point into the reader's buffer, and live until begin() or destruction;
//         that of a body_chunk points into the caller's input.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/body_framing.h"
#include "http/head_scanner.h"

namespace starling::http {

struct ResponseLimits {
    // Status line and fields, together with those of the interim responses before, and trailers.
    uint32_t head_bytes_max = 16 * 1024;
    uint32_t fields_max = 100;  // Of one head, or of the trailers.
    uint64_t body_bytes_max = 1'000'000;
    uint32_t chunk_line_bytes_max = 256;  // The extensions of one chunk.
    uint32_t extension_bytes_max = 4096;  // All chunk extensions of a body.
};

enum class ResponseFault : uint8_t {
    none,
    malformed,
    head_too_large,  // head_bytes_max or fields_max.
    body_too_large,
    ended,  // finish() was called before the response was whole.
};

struct ResponseEvent {
    enum class Kind : uint8_t {
        need_more,   // All input was consumed.
        head,        // head() is valid.
        body_chunk,  // `body` holds the next bytes of the body; it is never empty.
        complete,    // The response has ended; `input` starts after it. Repeats until begin().
        error,       // fault() and reason() say why. Repeats until begin().
    };
    Kind kind = Kind::need_more;
    std::span<const std::byte> body = {};
};

struct ResponseHead {
    uint16_t status = 0;        // 101, or 200 to 999.
    uint8_t version_minor = 1;  // Of HTTP/1; a higher one than 1 is read as 1.
    std::string_view reason;    // May be empty.
    std::span<const Field> fields;
    std::optional<uint64_t> content_length;
    bool chunked = false;
    bool until_close = false;  // The body ends with the connection.
    bool switched = false;     // Another protocol follows: 101, or 2xx to CONNECT.
    // Another request may follow on the connection (RFC 9112 section 9.3). False as well for a 204
    // that announces a body, since some servers then send one.
    bool keep_alive = true;
};

class ResponseReader {
public:
    // The method of the request: a response to HEAD has no body, and 2xx to CONNECT begins a tunnel.
    enum class Method : uint8_t { other, head, connect };

    explicit ResponseReader(const ResponseLimits& limits);

    // Takes effect with the next begin().
    void set_limits(const ResponseLimits& limits) noexcept { limits_ = limits; }
    // Prepares for the next response, and keeps the memory.
    void begin(Method method = Method::other);

    // Consumes bytes from the front of `input`, never beyond the end of the response.
    [[nodiscard]] ResponseEvent next(std::span<const std::byte>& input);
    // The peer sends nothing more, and all input was consumed. Returns `complete` or `error`.
    [[nodiscard]] ResponseEvent finish();

    // A byte of the response has arrived.
    [[nodiscard]] bool started() const noexcept { return started_; }
    // Status in the latest status line that has arrived whole, those of interim responses included;
    // 0: none. Valid at any time, also after an error.
    [[nodiscard]] uint16_t status() const noexcept;

    // Valid from the `head` event until begin().
    [[nodiscard]] const ResponseHead& head() const noexcept { return head_; }
    // The first such field's value, or "".
    [[nodiscard]] std::string_view field(std::string_view name) const noexcept;

    [[nodiscard]] ResponseFault fault() const noexcept { return fault_; }
    [[nodiscard]] std::string_view reason() const noexcept { return reason_; }  // Static text.

private:
    enum class Phase : uint8_t { head, body, complete, failed };

    ResponseEvent fail(ResponseFault fault, std::string_view reason) noexcept;
    ResponseEvent fail(const Fault& fault) noexcept;
    [[nodiscard]] bool scan(std::span<const std::byte>& input);
    void begin_scan() noexcept;

    // Empty: the phase has changed, or all input was consumed.
    using Step = std::optional<ResponseEvent>;
    Step next_head(std::span<const std::byte>& input);
    ResponseEvent next_body(std::span<const std::byte>& input);
    [[nodiscard]] bool read_head();
    [[nodiscard]] bool read_field(const Field& field);
    [[nodiscard]] bool judge_framing();
    [[nodiscard]] Phase begin_body();

    ResponseLimits limits_;
    std::string text_;  // The head. Views of head_ point into it.
    std::vector<FieldLine> lines_;
    std::vector<Field> fields_;
    ResponseHead head_;
    HeadScanner scanner_;
    BodyFraming body_;
    uint32_t head_bytes_left_ = 0;
    std::string_view reason_;
    uint32_t codings_ = 0;
    uint16_t interim_status_ = 0;
    Method method_ = Method::other;
    Phase phase_ = Phase::head;
    ResponseFault fault_ = ResponseFault::none;
    bool started_ = false;
    bool connection_close_ = false, connection_keep_alive_ = false;
};

}  // namespace starling::http
