// http/multipart.h: parses multipart/form-data (RFC 7578, boundaries of RFC 2046 section 5.1.1).
// Bytes in, events out; a part's body is not stored.
//
//     MultipartParser parser(boundary, limits);
//     while ((event = parser.next(input)).kind != need_more) ... // at the body's end: finish()
//
// Owner: the reader of one body. Thread: the owner's.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

// The boundary of a Content-Type of multipart/form-data: 1 to 70 characters of RFC 2046 section
// 5.1.1. Nothing without a valid boundary.
[[nodiscard]] std::optional<std::string> multipart_boundary(std::string_view content_type);

class MultipartParser {
public:
    enum class Kind : uint8_t {
        need_more,   // All input was consumed.
        part_begin,  // head() describes the new part.
        part_bytes,  // Some bytes of the part's body.
        part_end,
        end,    // The closing boundary was read; later bytes are skipped.
        fault,  // Final: repeats for ever. See status() and reason().
    };
    struct Event {
        Kind kind = Kind::need_more;
        std::string_view bytes = {};  // A view into the input or the parser, until the next call.
    };

    MultipartParser(std::string_view boundary, const MultipartLimits& limits);

    // Consumes bytes from the front of `input`, up to the next event.
    [[nodiscard]] Event next(std::string_view& input);
    // Call after the last byte of the body. Returns `end`, or `fault` if the closing boundary is
    // missing.
    [[nodiscard]] Event finish();

    // The head of the current part, without a body. Valid from part_begin until the next
    // part_begin.
    [[nodiscard]] const FormPart& head() const noexcept { return head_; }

    // The HTTP status of a fault, and what is wrong.
    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] std::string_view reason() const noexcept { return reason_; }

private:
    enum class State : uint8_t {
        preamble,  // Before the first boundary.
        line,      // After a boundary, on the boundary's line.
        dash,      // After the first "-" that follows a boundary.
        padding,   // In the whitespace that follows a boundary.
        cr,        // After the CR that follows a boundary.
        head,
        body,
        epilogue,
        failed,
    };

    [[nodiscard]] Event content(std::string_view& input);
    [[nodiscard]] Event content_event(std::string_view bytes);
    [[nodiscard]] Event delimiter_found();
    [[nodiscard]] Event boundary_line(std::string_view& input);
    [[nodiscard]] Event head_line(std::string_view& input);
    [[nodiscard]] Event head_field(std::string_view line);
    [[nodiscard]] bool disposition(std::string_view value);
    [[nodiscard]] Event head_end();
    [[nodiscard]] Event fail(int status, std::string_view reason);

    const std::string delimiter_;  // CRLF, "--" and the boundary.
    const MultipartLimits limits_;
    State state_ = State::preamble;
    bool named_ = false;  // The part's head has a Content-Disposition.
    size_t matched_ = 2;  // How many bytes of the delimiter the input so far ends with.
    // How many of these matched bytes are not content: the line end of the part's head.
    size_t before_ = 2;
    uint64_t part_bytes_ = 0;
    uint32_t parts_ = 0;
    uint32_t head_bytes_ = 0;
    int status_ = 0;
    std::string_view reason_;
    std::string line_;  // The part of a head's line that has arrived.
    FormPart head_;
};

}  // namespace starling::http
