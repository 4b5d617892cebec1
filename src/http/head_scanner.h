// http/head_scanner.h: the strict lexical check of the head of a request or a response, byte by byte
// (RFC 9112 sections 2 to 5). It refuses forms that lenient parsers accept and request smuggling
// uses: bare CR or LF, folded fields, a space before the colon, control characters. It also
// enforces every limit.
//
// Owner:  http::RequestParser, http::ResponseReader. The state between bytes is a few words, so
//         each byte is checked once, however TCP splits the head.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace starling::http {

struct Fault {
    int status = 0;  // 0: no fault.
    std::string_view reason = {};
};

// Where a field line is, in bytes from the start of its head.
struct FieldLine {
    uint32_t name, colon, end;  // `end`: of its value, which whitespace may surround.
};

// Appends the fields of `head`, as views of it.
void append_fields(std::string_view head, const std::vector<FieldLine>& lines,
                   std::vector<Field>& fields);

class HeadScanner {
public:
    enum class Part : uint8_t { request_head, response_head, trailers };
    struct Limits {
        uint32_t bytes_max;             // The whole part; 431 beyond.
        uint32_t fields_max;            // 431 beyond.
        uint32_t target_bytes_max = 0;  // 414 beyond. Only for requests.
    };

    HeadScanner(Part part, const Limits& limits) noexcept;

    // Checks the front of `bytes`. Returns how many bytes belong to the head: all, unless done() or
    // fault() is set afterwards. `lines`, if any, gets each field line that has ended; pass the same
    // one until the head is done.
    [[nodiscard]] size_t scan(std::string_view bytes, std::vector<FieldLine>* lines = nullptr);

    [[nodiscard]] bool done() const noexcept { return state_ == State::done; }
    // Its status is the one that a server answers to a request. To a client, 431 says that a limit
    // was exceeded, and any other status that the head is malformed.
    [[nodiscard]] const Fault& fault() const noexcept { return fault_; }
    // True while blank lines are skipped before the request line (RFC 9112 section 2.2). Such lines
    // are not part of the head's text.
    [[nodiscard]] bool in_blank_lines() const noexcept {
        return state_ == State::start || state_ == State::blank_lf;
    }

private:
    enum class State : uint8_t {
        start,
        blank_lf,
        method,
        target,
        version,
        code,
        reason,
        first_lf,
        line,
        name,
        value,
        value_lf,
        end_lf,
        done,
    };

    // Take the front of `bytes` at once where nothing in it is unusual, and return its size; step()
    // takes what remains. The first one: characters of one kind, the second one: whole lines.
    size_t skip_run(std::string_view bytes) noexcept;
    size_t skip_lines(std::string_view bytes, std::vector<FieldLine>* lines);
    bool step(char c) noexcept;  // False after fail().
    bool step_request_line(char c) noexcept;
    bool step_status_line(char c) noexcept;
    bool step_version(char c) noexcept;
    bool step_field(char c) noexcept;
    bool fail(int status, std::string_view reason) noexcept;

    Fault fault_;
    FieldLine line_{};     // The one that is read.
    uint32_t at_ = 0;      // Bytes of the head so far.
    uint32_t bytes_left_;  // The rest of the head's limit.
    uint32_t fields_left_;
    uint32_t target_bytes_max_;
    uint32_t part_bytes_ = 0;  // Length so far of the method, target, version or status code.
    State state_;
    Part part_;
    uint8_t blank_lines_ = 0;
    char version_major_ = 0;
};

}  // namespace starling::http
