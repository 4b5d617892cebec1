// http/multipart.h: multipart/form-data (RFC 7578, boundaries of RFC 2046 section 5.1.1): bytes in,
// events out. Nothing of a part's body is kept.
//
//     MultipartParser parser(boundary, limits);
//     while ((event = parser.next(input)).kind != need_more) ...   // at the body's end: parser.finish()
//
// Owner: the reader of one body. Thread: the owner's.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

// The boundary that a Content-Type of multipart/form-data names: 1 to 70 characters of RFC 2046 section
// 5.1.1. Nothing where it names none that is valid.
[[nodiscard]] std::optional<std::string> multipart_boundary(std::string_view content_type);

class MultipartParser {
public:
    enum class Kind : uint8_t {
        need_more,   // All of the input was taken.
        part_begin,  // head() speaks of it.
        part_bytes,  // Some of the part's body.
        part_end,
        end,    // The closing boundary; what follows it is skipped.
        fault,  // And so for ever: see status() and reason().
    };
    struct Event {
        Kind kind = Kind::need_more;
        std::string_view bytes = {};  // Views into the input or the parser, until the next call.
    };

    MultipartParser(std::string_view boundary, const MultipartLimits& limits);

    // Takes bytes off the front of `input`, up to the next event.
    [[nodiscard]] Event next(std::string_view& input);
    // Once the body has no more bytes: `end`, or `fault` where its closing boundary is missing.
    [[nodiscard]] Event finish();

    // From part_begin until the next one. Its body is empty.
    [[nodiscard]] const FormPart& head() const noexcept { return head_; }

    // Of a fault: the HTTP status, and what is wrong.
    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] std::string_view reason() const noexcept { return reason_; }

private:
    enum class State : uint8_t {
        preamble,  // In front of the first boundary.
        line,      // Behind a boundary, on its line.
        dash,      // Behind its first "-": the closing one.
        padding,   // Behind its white space.
        cr,        // Behind its CR.
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
    bool named_ = false;  // The head had its Content-Disposition.
    size_t matched_ = 2;  // Bytes of the delimiter that the latest input ended with...
    size_t before_ = 2;   // ...and how many of them are not of the content: the line end before it.
    uint64_t part_bytes_ = 0;
    uint32_t parts_ = 0;
    uint32_t head_bytes_ = 0;
    int status_ = 0;
    std::string_view reason_;
    std::string line_;  // Of the head, as far as it has come.
    FormPart head_;
};

}  // namespace starling::http
