// http/body_framing.h: where the body of a message ends (RFC 9112 sections 6.3 and 7.1): after a
// known length, after the last chunk and its trailers, or with the connection. Bytes in, pieces of
// the body out.
//
// Owner:  http::RequestParser, http::ResponseReader.
// Views:  a piece points into the caller's input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "http/chunk_scanner.h"
#include "http/head_scanner.h"

namespace starling::http {

class BodyFraming {
public:
    enum class Kind : uint8_t {
        need_more,  // All input was consumed.
        piece,      // `bytes` holds the next bytes of the body; it is never empty.
        complete,   // The body has ended; `input` starts after it. Repeats until the next begin.
        error,      // See fault(). Repeats until the next begin.
    };
    struct Event {
        Kind kind;
        std::span<const std::byte> bytes = {};
    };

    // Of a request, Content-Length and Transfer-Encoding in the trailers are a fault: a server
    // behind a proxy must not read them in another way (RFC 9110 section 6.5.1).
    enum class Of : uint8_t { request, response };

    BodyFraming(Of of, const ChunkScanner::Limits& chunks) noexcept : chunk_(chunks), of_(of) {}

    // Each begins a body; one of more than `bytes_max` bytes is a fault with status 413.
    void begin_length(uint64_t bytes, uint64_t bytes_max) noexcept;
    // RFC 9112 section 7.1.2: trailers are checked, dropped, and never merged into the head.
    void begin_chunks(uint64_t bytes_max, const HeadScanner::Limits& trailers) noexcept;
    void begin_until_close(uint64_t bytes_max) noexcept;

    // Consumes bytes from the front of `input`, never beyond the end of the body.
    [[nodiscard]] Event next(std::span<const std::byte>& input);

    // True if the body has ended, or ends where the connection ends.
    [[nodiscard]] bool may_end() const noexcept {
        return phase_ == Phase::complete || phase_ == Phase::until_close;
    }
    [[nodiscard]] const Fault& fault() const noexcept { return fault_; }

private:
    enum class Phase : uint8_t {
        length,
        until_close,
        chunk_line,
        chunk_data,
        trailers,
        complete,
        failed
    };

    void begin(Phase phase, uint64_t bytes_max) noexcept;
    Event fail(const Fault& fault) noexcept;
    Event too_large() noexcept { return fail({413, "body too large"}); }
    Event take(std::span<const std::byte>& input) noexcept;
    void take_line(std::span<const std::byte>& input) noexcept;
    void take_trailers(std::span<const std::byte>& input);
    [[nodiscard]] bool trailers_frame() const;

    ChunkScanner chunk_;
    std::optional<HeadScanner> trailers_;
    std::string trailer_text_;  // Of a request.
    std::vector<FieldLine> trailer_lines_;
    HeadScanner::Limits trailer_limits_{};
    uint64_t bytes_left_ = 0;  // The rest of the body's limit.
    uint64_t piece_left_ = 0;  // The rest of the length, or of the current chunk.
    Fault fault_;
    Of of_;
    Phase phase_ = Phase::complete;
};

}  // namespace starling::http
